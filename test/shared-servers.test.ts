import { expect, test } from 'vitest';
import type { PostgresMajor } from '../workers/stack/postgres-binaries.ts';
import { freshDatabase } from './database.ts';
import { testTemporal } from './temporal.ts';

test.each<PostgresMajor>([18, 13])('PostgreSQL %i gives each test a database', async (major) => {
  await using first = await freshDatabase({ major });
  await using second = await freshDatabase({ major });
  await first.query(`insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time)
    values ('IMO9976903', '/a', '2025-06-15')`);
  const count = 'select count(*)::int as cells from tenant.tbl_data_timeseries';
  expect((await first.query(count)).rows).toEqual([{ cells: 1 }]);
  expect((await second.query(count)).rows).toEqual([{ cells: 0 }]);
});

test.each([false, true])('Temporal answers, with a short history: %s', async (shortHistory) => {
  await using temporal = await testTemporal({ shortHistory });
  await expect(
    temporal.client.connection.workflowService.describeNamespace({ namespace: temporal.namespace }),
  ).resolves.toMatchObject({ namespaceInfo: { name: 'default' } });
  expect(temporal.unique('a')).not.toBe(temporal.taskQueue);
});
