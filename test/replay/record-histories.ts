import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { migrationLab } from '../workflows/migration-lab.ts';
import { sessionLab } from '../sessions/session-lab.ts';
import { scenarios } from './scenarios.ts';
import { sessionScenarios } from './session-scenarios.ts';

// Run by `npm run record-histories`, not by the tests. Record a history anew only when no run that was started
// by the code before can still be alive; else give the scenario a new name, and keep the old history.
const folder = new URL('./histories/', import.meta.url);

test.each(Object.entries(scenarios))('records %s', async (name, scenario) => {
  const { shortHistory } = scenario;
  await using lab = await migrationLab(shortHistory ? { shortHistory } : {});
  await record(name, await scenario.run(lab));
});

test.each(Object.entries(sessionScenarios))('records %s', async (name, scenario) => {
  const { shortHistory } = scenario;
  await using lab = await sessionLab(shortHistory ? { shortHistory } : {});
  await record(name, await scenario.run(lab));
});

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
