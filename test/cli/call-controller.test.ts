import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { namesOf } from '../../domain/names.ts';
import { watchVerification } from '../../cli/watch-verification.ts';

const LONG_POLLS = 20;

/** Temporal's client as far as it matters here: each long poll leaves a listener on the signal. */
const connection = {
  withAbortSignal: async (signal: AbortSignal, ask: () => Promise<unknown>) => {
    for (let poll = 0; poll < LONG_POLLS; poll++) signal.addEventListener('abort', () => poll);
    return ask();
  },
};

test('a verification that is watched for long has no warning of Node between its lines', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  const handle = { result: async () => ({ ship: 'IMO9976903' }) };
  const watcher = { task: {}, note: () => undefined, signal: new AbortController().signal };
  await watchVerification({ connection } as never, namesOf(), handle as never, watcher as never);
  await sleep(10);
  process.removeListener('warning', onWarning);
  expect(warnings).toEqual([]);
});
