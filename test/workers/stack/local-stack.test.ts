import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Client } from 'pg';
import { expect, inject, test, vi } from 'vitest';
import type { FairleadError } from '../../../domain/errors.ts';
import { startLocalStack } from '../../../workers/stack/local-stack.ts';
import type { LocalStack } from '../../../workers/stack/local-stack.ts';
import { isAlive } from '../../../activities/process-identity.ts';
import { readStack } from '../../../workers/stack/stack-file.ts';
import type { StackAddresses } from '../../../workers/stack/stack-file.ts';
import { reported } from '../../reported.ts';
import { startAndDie } from '../../start-and-die.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const report = () => undefined;

/** Ends with 0 on SIGTERM, as a worker does. */
const idleWorker = ({ sourceUrl }: StackAddresses) => ({
  command: process.execPath,
  args: ['-e', 'process.on("SIGTERM", () => process.exit(0)); setInterval(() => {}, 1000)'],
  env: { FAIRLEAD_SOURCE_URL: sourceUrl },
});

const idleWorkers = { worker: idleWorker, sensorWorker: idleWorker };

/** A home whose cache holds the CLI already. */
async function homeIn(folder: string): Promise<string> {
  const home = join(folder, '.fairlead');
  const cli = inject('temporalCliPath');
  await mkdir(join(home, 'cache'), { recursive: true });
  await copyFile(cli, join(home, 'cache', basename(cli)));
  return home;
}

async function answer(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ answer: number }>('select 42 as answer')).rows[0]?.answer;
  } finally {
    await client.end();
  }
}

const pidsOf = (stack: LocalStack): number[] => Object.values(stack.pids());

test('is found by others while it runs, refuses a second owner, and leaves nothing running', async () => {
  await using folder = await temporaryFolder();
  const home = await homeIn(folder.path);
  const stack = await startLocalStack({ home, report, ...idleWorkers });
  expect(readStack(home)).toMatchObject({
    temporalAddress: stack.temporalAddress,
    sourceUrl: stack.sourceUrl,
    owner: { pid: process.pid },
  });
  expect((await stat(join(home, 'stack.json'))).mode & 0o777).toBe(0o600);
  const second = await startLocalStack({ home, report }).catch((error: unknown) => error);
  expect(second).toMatchObject({ code: 'stack-running' });
  expect((second as FairleadError).message).toContain(String(process.pid));
  expect((second as FairleadError).hint).toContain(`kill ${process.pid}`);
  const pids = pidsOf(stack);
  expect(pids.filter(isAlive)).toHaveLength(4);
  await Promise.all([stack.stop(), stack.stop()]);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(readStack(home)).toBeUndefined();
});

test('starts each part again that was killed, where it was', async () => {
  await using folder = await temporaryFolder();
  const home = await homeIn(folder.path);
  const { report: note, waitFor } = reported();
  const stack = await startLocalStack({ home, report: note, ...idleWorkers });
  const before = pidsOf(stack);
  for (const pid of before) process.kill(pid, 'SIGKILL');
  for (const name of ['PostgreSQL', 'Temporal', 'the worker', 'the sensor worker'])
    await waitFor(new RegExp(`${name} runs again`));
  expect(stack.restarts()).toEqual({ postgres: 1, temporal: 1, worker: 1, sensorWorker: 1 });
  expect(pidsOf(stack).filter((pid) => before.includes(pid))).toEqual([]);
  await expect(answer(stack.sourceUrl)).resolves.toBe(42);
  const namespace = await fetch(`${stack.temporalUi}/api/v1/namespaces/default`);
  expect(namespace.status).toBe(200);
  await stack.stop();
});

test('keeps the log and the process id of each worker in a file of its own', async () => {
  await using folder = await temporaryFolder();
  const home = await homeIn(folder.path);
  const saying = (word: string) => () => ({
    command: process.execPath,
    args: ['-e', `console.log("${word}"); setInterval(() => {}, 1000)`],
  });
  const workers = { worker: saying('pivot'), sensorWorker: saying('pong') };
  const stack = await startLocalStack({ home, report, ...workers });
  const pidIn = async (file: string) =>
    (JSON.parse(await readFile(join(home, file), 'utf8')) as { pid: number }).pid;
  expect(await pidIn('worker.pid')).toBe(stack.pids().worker);
  expect(await pidIn('sensor-worker.pid')).toBe(stack.pids().sensorWorker);
  await vi.waitFor(async () => {
    expect(await readFile(join(home, 'worker.log'), 'utf8')).toBe('pivot\n');
    expect(await readFile(join(home, 'sensor-worker.log'), 'utf8')).toBe('pong\n');
  }, 10_000);
  await stack.stop();
  expect(stack.sensorMetricsPort).not.toBe(stack.metricsPort);
  await expect(pidIn('sensor-worker.pid')).rejects.toMatchObject({ code: 'ENOENT' });
});

test('can be stopped while a part waits to be started again', async () => {
  await using folder = await temporaryFolder();
  const home = await homeIn(folder.path);
  const { report: note, waitFor } = reported();
  const stack = await startLocalStack({ home, report: note, worker: idleWorker });
  const pids = pidsOf(stack);
  process.kill(stack.pids().worker!, 'SIGKILL');
  await waitFor(/the worker ended with signal SIGKILL/);
  await stack.stop();
  expect(pids.filter(isAlive)).toEqual([]);
  expect(stack.restarts()).toMatchObject({ worker: 0 });
});

test('clears up after an owner that was killed', async () => {
  await using folder = await temporaryFolder();
  const home = await homeIn(folder.path);
  const left = startAndDie('local-stack', 'startLocalStack', { home });
  expect(left.filter(isAlive)).toHaveLength(4);
  expect(readStack(home)).toBeUndefined();
  const stack = await startLocalStack({ home, report, worker: idleWorker });
  expect(left.filter(isAlive)).toEqual([]);
  await expect(answer(stack.sourceUrl)).resolves.toBe(42);
  await stack.stop();
});

test('two stacks run at once in two homes', async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  const homes = await Promise.all([homeIn(folder.path), homeIn(other.path)]);
  const stacks = await Promise.all(homes.map((home) => startLocalStack({ home, report })));
  const [first, second] = stacks;
  expect(first?.temporalAddress).not.toBe(second?.temporalAddress);
  for (const stack of stacks) await expect(answer(stack.sourceUrl)).resolves.toBe(42);
  await Promise.all(stacks.map((stack) => stack.stop()));
});
