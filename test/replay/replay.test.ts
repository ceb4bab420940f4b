import { Worker } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scenarios } from './scenarios.ts';
import { workflowBundle } from '../workflows/workflow-bundle.ts';
import { sessionScenarios } from './session-scenarios.ts';

/** A folder for each released version, and for the next one: all of them have to replay with the code of today. */
const folder = new URL('./histories/', import.meta.url);
const histories = readdirSync(folder).flatMap((version) =>
  readdirSync(new URL(`${version}/`, folder)).map((file) => [version, file] as const),
);

test.each(histories)('replays of version %s %s as it was recorded', async (version, file) => {
  const text = readFileSync(new URL(`${version}/${file}`, folder), 'utf8');
  const name = file.replace(/\.json$/, '');
  await Worker.runReplayHistory(
    { workflowBundle: await workflowBundle() },
    JSON.parse(text) as unknown,
    `migrate-ship/${name}`,
  );
});

test('has a recorded history of every scenario', () => {
  const names = histories.map(([, file]) => file.replace(/\.json$/, ''));
  expect(names).toEqual(expect.arrayContaining(Object.keys({ ...scenarios, ...sessionScenarios })));
});
