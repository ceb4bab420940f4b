import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { migrationLab } from '../workflows/migration-lab.ts';
import { sessionLab } from '../sessions/session-lab.ts';
import { scenarios } from './scenarios.ts';
import { sessionScenarios } from './session-scenarios.ts';

// Run by `npm run record-histories`, not by the tests: records what the folder of the version in package.json lacks. A
// history that is there stays as it is, whatever the code does now: it stands for runs that live on.
const version = (createRequire(import.meta.url)('../../package.json') as { version: string })
  .version;
const folder = new URL(`./histories/${version}/`, import.meta.url);
const isMissing = ([name]: [string, unknown]) => !existsSync(new URL(`${name}.json`, folder));

test.each(Object.entries(scenarios).filter(isMissing))('records %s', async (name, scenario) => {
  const { shortHistory } = scenario;
  await using lab = await migrationLab(shortHistory ? { shortHistory } : {});
  await record(name, await scenario.run(lab));
});

test.each(Object.entries(sessionScenarios).filter(isMissing))(
  'records %s',
  async (name, scenario) => {
    const { shortHistory } = scenario;
    await using lab = await sessionLab(shortHistory ? { shortHistory } : {});
    await record(name, await scenario.run(lab));
  },
);

async function record(name: string, handle: WorkflowHandle): Promise<void> {
  const history = JSON.stringify(
    JSON.parse(historyToJSON(await handle.fetchHistory()), impersonal),
  );
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name}.json`, folder), `${history}\n`);
  expect(JSON.parse(history)).toHaveProperty('events');
}

/** A history tells nothing of the machine that it was recorded on. */
function impersonal(key: string, value: unknown): unknown {
  if (key === 'stackTrace') return '';
  return typeof value === 'string' ? value.replaceAll(hostname(), 'recorder') : value;
}
