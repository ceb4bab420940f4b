import { setTimeout as sleep } from 'node:timers/promises';
import copyStreams from 'pg-copy-streams';
import { describe, expect, it } from 'vitest';
import { withConnection, type WatchedConnection } from '../../../activities/postgres/connection.ts';
import { lookAtServer } from '../../../activities/postgres/server-at-work.ts';
import type { CopyChunkHeartbeat } from '../../../domain/migration.ts';
import {
  MAJORS,
  SHIP,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quietRun,
  second,
  waitForLock,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';
import { silentPath } from './silent-path.ts';

const CELLS = [0, 15, 30, 4_000, 4_015, 4_030];

const insertRows = (lab: MigrationLab) =>
  insertCells(
    lab,
    CELLS.map((at) => cell('Decimal', '/a', second(at), at)),
  );

/** The narrow table as a view that takes ten seconds for each row of a COPY. */
async function slowToCopy({ sourceDatabase }: MigrationLab) {
  await sourceDatabase.query(
    `create view tenant.slow as select * from tenant.tbl_data_timeseries
      where pg_sleep(case when current_query() ilike '%copy (%' then 10 else 0 end)::text = ''`,
  );
  return { schema: 'tenant', name: 'slow' };
}

const READERS = `application_name like 'fairlead/${SHIP}/%' and state = 'active'
  and wait_event = 'PgSleep' and datname = current_database()`;

async function waitForReaders({ sourceDatabase }: MigrationLab, count: number): Promise<number[]> {
  for (;;) {
    const { rows } = await sourceDatabase.query<{ pid: number }>(
      `select pid from pg_stat_activity where ${READERS}`,
    );
    if (rows.length === count) return rows.map(({ pid }) => pid);
    await sleep(10);
  }
}

describe.each(MAJORS)('an attempt on PostgreSQL %i', (major) => {
  it('ends soon when the server does not even say what it does, and heartbeats while it asks', async () => {
    await using lab = await migrationLab({ major, stallMs: 1_200 });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowToCopy(lab);
    await using path = await silentPath(lab.sourceDatabase.url);
    await using cut = await migrationLab({ major, stallMs: 1_200, sourceUrl: () => path.url });
    const beats: CopyChunkHeartbeat[] = [];
    const run = {
      ...quietRun(),
      heartbeat: (details: CopyChunkHeartbeat) => void beats.push(details),
    };
    const copying = copy({ ...lab, source: cut.source, sourceTable }, plan, { run });
    const failed = expect(copying).rejects.toMatchObject({
      code: 'connection-lost',
      kind: 'transient',
      message: expect.stringMatching(
        /no byte for \d s in stage read, and the server did not answer within 1 s/,
      ),
    });
    await waitForReaders(lab, 2);
    path.silence();
    const silentAt = performance.now();
    const beatsBefore = beats.length;
    await failed;
    expect(performance.now() - silentAt).toBeLessThan(4_000);
    expect(beats.length - beatsBefore).toBeGreaterThanOrEqual(4);
    path.mend();
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('whose one connection fails ends at once, with that error, and its other one ends on the server', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowToCopy(lab);
    const failed = expect(copy({ ...lab, sourceTable }, plan)).rejects.toMatchObject({
      code: 'connection-lost',
      message: expect.stringContaining('57P01'),
    });
    const [, one] = await waitForReaders(lab, 2);
    const startedAt = performance.now();
    await lab.sourceDatabase.query('select pg_terminate_backend($1)', [one]);
    await failed;
    await waitForReaders(lab, 0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('that waits for its late columns, again and again, is not taken for stalled', async () => {
    await using lab = await migrationLab({ major, stallMs: 600 });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    await insertCells(lab, [cell('Decimal', '/late', second(45), 1)]);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query(`begin; select from ${WIDE}`);
    const copying = copy(lab, plan);
    await waitForLock(lab);
    await sleep(2_500);
    await stranger.query('rollback');
    stranger.release();
    expect(await copying).toMatchObject({ status: 'done' });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('that waits for a lock is told so by the server, before it counts as stalled', async () => {
    await using lab = await migrationLab({
      major,
      stallMs: 20_000,
      timing: { lockTimeoutMs: 300 },
    });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query(`begin; lock table ${WIDE} in access exclusive mode`);
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'database-busy',
      kind: 'transient',
      message: expect.stringContaining('55P03'),
    });
    await stranger.query('rollback');
    stranger.release();
    expect(await copy(lab, plan)).toMatchObject({ status: 'done' });
  });

  it('that does nothing within its transaction is ended by the server', async () => {
    await using lab = await migrationLab({
      major,
      timing: { idleInTransactionTimeoutMs: 200 },
    });
    const idle = withConnection(lab.target, { name: 'fairlead/test' }, async (client) => {
      await client.query('begin');
      await sleep(1_000);
      await client.query('commit');
    });
    await expect(idle).rejects.toMatchObject({ code: 'connection-lost', kind: 'transient' });
  });
});

describe.each(MAJORS)('a look at a server on PostgreSQL %i', (major) => {
  it('tells work from waiting for us, and sees a COPY move where the server tells', async () => {
    await using lab = await migrationLab({ major });
    await lab.targetDatabase.query('create table public.t (n int)');
    const seen: WatchedConnection[] = [];
    const watch = (connection: WatchedConnection) => {
      seen.push(connection);
      return () => {};
    };
    const look = () => lookAtServer(seen, 2_000);
    await withConnection(lab.target, { name: 'fairlead/test', watch }, async (client) => {
      expect(await look()).toMatchObject({ path: 'alive', isWorking: false });
      const sleeping = client.query('select pg_sleep(0.5)');
      await sleep(100);
      expect(await look()).toMatchObject({ path: 'alive', isWorking: true });
      await sleeping;
      const copying = client.query(copyStreams.from('copy public.t from stdin'));
      const copied = [];
      for (let row = 0; row < 2; row++) {
        copying.write(`${row}\n`.repeat(50_000));
        await sleep(300);
        const sight = await look();
        expect(sight).toMatchObject({ path: 'alive', isWorking: false });
        if (sight.path === 'alive') copied.push(Number(sight.copied));
      }
      if (major > 13) expect(copied[1]).toBeGreaterThan(copied[0]!);
      else expect(copied).toEqual([0, 0]);
      await new Promise((resolve) => copying.end(resolve));
    });
  });

  it('without room for the question does not hold it against the work', async () => {
    await using lab = await migrationLab({ major });
    const role = `crowded_${lab.sourceDatabase.name}`;
    await lab.sourceDatabase.query(
      `create role ${role} login password 'secret' connection limit 1`,
    );
    const asCrowded = (url: string) => {
      const crowded = new URL(url);
      crowded.username = role;
      crowded.password = 'secret';
      return crowded.href;
    };
    const url = asCrowded(lab.sourceDatabase.url);
    await using crowded = await migrationLab({ major, sourceUrl: () => url });
    const seen: WatchedConnection[] = [];
    const watch = (connection: WatchedConnection) => {
      seen.push(connection);
      return () => {};
    };
    await withConnection(crowded.source, { name: 'fairlead/test', watch }, async () => {
      expect(await lookAtServer(seen, 2_000)).toMatchObject({ path: 'alive', isWorking: true });
    });
  });
});
