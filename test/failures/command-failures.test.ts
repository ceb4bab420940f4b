import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { msToTs } from '@temporalio/common/lib/time.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { commandWorld } from '../cli/command-world.ts';
import { testTemporal } from '../temporal.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

it('a worker in a namespace without our search attributes says what to type', async () => {
  await using temporal = await testTemporal();
  const namespace = temporal.unique('bare');
  await temporal.client.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  await using world = await commandWorld({ environment: { TEMPORAL_NAMESPACE: namespace } });
  // The server needs some seconds before it knows its new namespace.
  let answer = await world.fairlead('worker', '--json');
  while (answer.exitCode !== 3) answer = await world.fairlead('worker', '--json');
  expect(answer.json().error).toMatchObject({
    code: 'search-attributes-missing',
    hint: expect.stringContaining('temporal operator search-attribute create'),
  });
});

it('a command that is interrupted says that nothing is left of it, and ends with 75', async () => {
  await using world = await commandWorld();
  const words = ['generate', '--ships', '1', '--hours', '2000', '--json'];
  const child = spawn(process.execPath, [MAIN, ...words], { cwd: world.folder });
  let said = '';
  child.stdout.on('data', (text) => (said += String(text)));
  const active = `select from pg_stat_activity
    where datname = current_database() and application_name like 'fairlead/%' and state <> 'idle'`;
  while ((await world.database.query(active)).rows.length === 0) await sleep(50);
  child.kill('SIGINT');
  const [exitCode] = (await once(child, 'close')) as [number];
  expect(exitCode).toBe(75);
  expect(JSON.parse(said)).toMatchObject({ error: { code: 'interrupted' } });
  const { rows } = await world.database.query('select from tenant.tbl_data_timeseries limit 1');
  expect(rows).toEqual([]);
});
