import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import { interrupt } from '../migration-databases.ts';
import { failingMigration, type FailingOptions } from './failing-migration.ts';
import { ownServer } from './own-server.ts';

const oneDatabase = (waits: FailingOptions['waits'] = {}): FailingOptions => ({
  separate: false,
  waits: { heartbeatTimeoutMs: 60_000, chunkTimeoutMs: 60_000, failoverMs: 60_000, ...waits },
});

it('a failover that takes less than two minutes needs no person', async () => {
  await using server = await ownServer();
  const { database, becomeStandby, promote } = server;
  await using migration = await failingMigration({ ...oneDatabase(), database });
  migration.before(2, becomeStandby);
  await migration.start();
  const waiting = await migration.waitsFor('read-only');
  expect(waiting).toMatchObject({
    kind: 'transient',
    reason: expect.stringContaining('in a read-only transaction (25006)'),
  });
  await promote();
  expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
});

it('a server that starts, or is no standby that answers, is waited for', async () => {
  await using server = await ownServer();
  const { database, becomeUnreachableStandby, promote } = server;
  await using migration = await failingMigration({ ...oneDatabase(), database });
  migration.before(2, becomeUnreachableStandby);
  await migration.start();
  await migration.waitsFor('connection-lost', 'transient', '(57P03)');
  await promote();
  expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
});

it('a server that is out of memory for a chunk has it split', async () => {
  await using server = await ownServer({ max_locks_per_transaction: '10', max_connections: '25' });
  const { database } = server;
  await using migration = await failingMigration({ ...oneDatabase(), database });
  const stranger = new Client({ connectionString: database.url });
  await stranger.connect();
  stranger.on('error', () => undefined);
  // The claim is made by then; the split has to wait, because every transaction that writes needs a lock.
  const exhaust = async () => {
    const all = 'select pg_advisory_lock(n) from generate_series(1, 1000000) n';
    await expect(stranger.query(all)).rejects.toMatchObject({ code: '53200' });
    void sleep(1_500).then(() => stranger.query('select pg_advisory_unlock_all()'));
  };
  migration.before(2, async () => {
    interrupt(migration.lab.source, 'after', /^explain/, exhaust);
  });
  await migration.start();
  // [02:00, 04:00) in two, and those after it as well.
  expect(await migration.report()).toMatchObject({
    verified: true,
    chunks: { done: 7, split: 1, failed: 0 },
  });
  const { rows } = await database.query(`select error from fairlead.chunk where status = 'split'`);
  expect(rows).toEqual([{ error: expect.stringContaining('out of shared memory (53200)') }]);
  await stranger.end();
});
