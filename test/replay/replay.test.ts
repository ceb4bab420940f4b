import { Worker } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scenarios } from './scenarios.ts';
import { workflowBundle } from '../workflows/workflow-bundle.ts';
import { sessionScenarios } from './session-scenarios.ts';

const folder = new URL('./histories/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));

test.each(names)('replays %s as it was recorded', async (name) => {
  const history: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  await Worker.runReplayHistory(
    { workflowBundle: await workflowBundle() },
    history,
    `migrate-ship/${name}`,
  );
});

test('has a recorded history of every scenario', () => {
  expect(names).toEqual(expect.arrayContaining(Object.keys({ ...scenarios, ...sessionScenarios })));
});
