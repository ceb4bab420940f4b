import { DefaultLogger, bundleWorkflowCode, Worker } from '@temporalio/worker';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { scenarios } from './scenarios.ts';

const folder = new URL('./histories/', import.meta.url);
const names = readdirSync(folder).map((file) => file.replace(/\.json$/, ''));
const workflowsPath = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
let workflowBundle: Awaited<ReturnType<typeof bundleWorkflowCode>>;

beforeAll(async () => {
  workflowBundle = await bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') });
});

test.each(names)('replays %s as it was recorded', async (name) => {
  const history: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
  await Worker.runReplayHistory({ workflowBundle }, history, `migrate-ship/${name}`);
});

test('has a recorded history of every scenario', () => {
  expect(names).toEqual(expect.arrayContaining(Object.keys(scenarios)));
});
