import { expect, test } from 'vitest';
import { commandWorld } from './command-world.ts';

test('a migration is waited for while its worker is too busy to answer', async () => {
  await using world = await commandWorld();
  await world.database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     values ('IMO9976903', '/a', '2025-06-15', 'Decimal', 1)`,
  );
  await using worker = await world.startWorker();
  await world.fairlead('migrate', 'IMO9976903', '--to', '2025-06-15T02:00');
  worker.kill('SIGSTOP');
  const migrate = world.start('migrate', 'IMO9976903', '--to', '2025-06-15T04:00', '--json');
  await migrate.stderr.waitFor(/though one asked for work a moment ago/);
  worker.kill('SIGCONT');
  const { exitCode, json } = await migrate.outcome;
  expect(exitCode).toBe(0);
  expect(json().ships).toMatchObject([{ phase: 'finished', verified: true }]);
});
