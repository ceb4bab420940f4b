import { describe, expect, it } from 'vitest';
import { firstInstant, listChannels } from '../../../activities/postgres/channel-probes.ts';
import { withConnection } from '../../../activities/postgres/connection.ts';
import { planChunks } from '../../../activities/postgres/plan-chunks.ts';
import type { ShipPlan } from '../../../domain/migration.ts';
import { parseInstant } from '../../../domain/time.ts';
import {
  MAJORS,
  SHIP,
  cell,
  copy,
  insertCells,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  split,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

const day = (time: string, date = '2025-06-15') => `${date}T${time}Z`;

/** Plans until the end, without copying; ranges as `02:00-04:00`. */
async function planAll(lab: MigrationLab, plan: ShipPlan) {
  const sum = { chunks: [] as string[], empty: 0, proven: 0, batches: 0 };
  for (let cursor = plan.from; cursor !== plan.to; sum.batches++) {
    const batch = await planChunks(lab, { plan, cursor });
    sum.chunks.push(
      ...batch.chunks.map(({ from, to }) => `${from.slice(11, 16)}-${to.slice(11, 16)}`),
    );
    sum.empty += batch.empty;
    sum.proven += batch.proven;
    expect(parseInstant(batch.cursor)).toBeGreaterThan(parseInstant(cursor));
    if (batch.cursor !== plan.to) expect(batch.chunks.length + batch.empty).toBeGreaterThan(0);
    cursor = batch.cursor;
  }
  return sum;
}

/** Plans and copies until the end, as the workflow does. */
async function migrate(lab: MigrationLab, plan: ShipPlan): Promise<void> {
  for (let cursor = plan.from; cursor !== plan.to;) {
    const batch = await planChunks(lab, { plan, cursor });
    for (const chunk of batch.chunks) await copy(lab, plan, chunk);
    cursor = batch.cursor;
  }
}

const hourly = (lab: MigrationLab, hours: readonly number[]) =>
  insertCells(
    lab,
    hours.map((hour) => cell('Decimal', '/a', day(`${String(hour).padStart(2, '0')}:30:00`), hour)),
  );

describe.each(MAJORS)('the next chunks on PostgreSQL %i', (major) => {
  it('are those that hold cells; the others are written to the ledger as empty', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [2, 3, 9, 22]);
    const plan = await planAndPrepare(lab);
    expect(await planAll(lab, plan)).toMatchObject({
      chunks: ['02:00-04:00', '08:00-10:00', '22:00-00:00'],
      empty: 8,
      proven: 0,
    });
    expect((await ledger(lab)).filter((line) => line.includes('empty'))).toHaveLength(8);
    expect(await planAll(lab, plan)).toMatchObject({ empty: 0, proven: 8 });
  });

  it('jump over years of silence in one batch', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', day('00:00:00', '2020-01-01'), 1),
      cell('Decimal', '/a', day('23:00:00', '2024-12-31'), 1),
    ]);
    const plan = await planAndPrepare(lab, { to: day('00:00:00', '2025-01-01') });
    const { chunks, empty, batches } = await planAll(lab, plan);
    expect(chunks).toEqual(['00:00-02:00', '22:00-00:00']);
    expect(empty).toBe(plan.chunks - 2);
    expect(batches).toBeLessThanOrEqual(4);
  });

  it('leave out ranges that are proven, whatever width they had', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [0, 1, 2, 3, 4, 5, 6, 7]);
    const plan = await planAndPrepare(lab, { to: day('08:00') });
    await copy(lab, plan, { from: day('02:00'), to: day('05:00') });
    expect(await planAll(lab, plan)).toMatchObject({
      chunks: ['00:00-02:00', '05:00-06:00', '06:00-08:00'],
      proven: 1,
    });
    const hours = await planAndPrepare(lab, { to: day('08:00'), widthMs: 3_600_000 });
    expect((await planAll(lab, hours)).chunks).toEqual([
      '00:00-01:00',
      '01:00-02:00',
      '05:00-06:00',
      '06:00-07:00',
      '07:00-08:00',
    ]);
  });

  it('are none when all is proven, and the hole when ledger rows were lost', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [0, 1, 2, 3, 4, 5, 6, 7]);
    const plan = await planAndPrepare(lab, { to: day('08:00') });
    await migrate(lab, plan);
    expect(await planAll(lab, plan)).toMatchObject({ chunks: [], empty: 0, proven: 4 });
    await lab.targetDatabase.query(
      `delete from fairlead.chunk where from_time = '2025-06-15 02:00'`,
    );
    expect(await planAll(lab, plan)).toMatchObject({ chunks: ['02:00-04:00'], proven: 3 });
    await migrate(lab, plan);
    expect(await planAll(lab, plan)).toMatchObject({ chunks: [], proven: 4 });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('are all of them once more when it was asked for, and none twice', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [0, 1, 6, 7]);
    await migrate(lab, await planAndPrepare(lab, { to: day('08:00') }));
    const redo = await planAndPrepare(lab, { to: day('08:00'), redo: true });
    expect(await planAll(lab, redo)).toMatchObject({
      chunks: ['00:00-02:00', '06:00-08:00'],
      empty: 2,
    });
    await migrate(lab, redo);
    expect(await planAll(lab, redo)).toMatchObject({ chunks: [], empty: 0, proven: 4 });
  });

  it.each([7_200_000, 3_600_000, 14_400_000])(
    'include those whose cells are gone from the source, so that they go from the target: %i ms wide',
    async (widthMs) => {
      await using lab = await migrationLab({ major });
      await hourly(lab, [0, 1, 2, 3, 4, 5, 20, 21]);
      await migrate(lab, await planAndPrepare(lab));
      await lab.sourceDatabase.query(
        `delete from tenant.tbl_data_timeseries where created_time between '2025-06-15 02:00' and '2025-06-15 20:59'`,
      );
      const redo = await planAndPrepare(lab, { from: day('00:00'), redo: true, widthMs });
      await migrate(lab, redo);
      expect(await planAll(lab, redo)).toMatchObject({ chunks: [] });
      const { rows } = await lab.targetDatabase.query<{ written: number }>(
        `select sum(cells_written)::int as written from fairlead.chunk where status in ('done', 'empty')`,
      );
      expect(rows[0]?.written).toBe(3);
      if (widthMs === 7_200_000) expect(await wideCells(lab)).toEqual(await narrowCells(lab));
    },
  );

  it('are the halves of a chunk that was split', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [2, 3, 4, 5]);
    const plan = await planAndPrepare(lab, { to: day('06:00') });
    await split(lab, 'too big', { from: day('02:00'), to: day('04:00') });
    expect((await planAll(lab, plan)).chunks).toEqual([
      '02:00-03:00',
      '03:00-04:00',
      '04:00-06:00',
    ]);
  });

  it('are those that failed in an earlier migration, not those that failed in this one', async () => {
    await using lab = await migrationLab({ major });
    await hourly(lab, [2, 3]);
    const earlier = await planAndPrepare(lab, { to: day('04:00') });
    await planChunks(lab, { plan: earlier, cursor: earlier.from });
    await lab.targetDatabase.query(
      `insert into fairlead.chunk (ship_id, from_time, to_time, status, attempts, error)
       values ($1, '2025-06-15 02:00', '2025-06-15 04:00', 'failed', 5, 'out of luck')`,
      [SHIP],
    );
    expect((await planAll(lab, earlier)).chunks).toEqual([]);
    const later = await planAndPrepare(lab, { to: day('04:00') });
    expect((await planAll(lab, later)).chunks).toEqual(['02:00-04:00']);
  });
});

describe.each(MAJORS)('index probes on PostgreSQL %i', (major) => {
  const SHIPS = 8;
  const CHANNELS = 5;

  /** Eight ships by the minute for days, interleaved on disk; the first is silent but for its first and last hour. */
  async function insertFleet(lab: MigrationLab, days: number): Promise<void> {
    await lab.sourceDatabase.query(
      `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select 'ship' || ship, '/channel/' || channel, at, 'Decimal', 1
         from generate_series('2025-01-01'::timestamp, '2025-01-01'::timestamp + $1 * interval '1 day', '1 minute') as at,
              generate_series(0, $2 - 1) as ship, generate_series(1, $3) as channel
        where ship > 0 or at < '2025-01-01 01:00' or at > '2025-01-01'::timestamp + $1 * interval '1 day' - interval '1 hour'`,
      [days, SHIPS, CHANNELS],
    );
    await lab.sourceDatabase.query('vacuum analyze tenant.tbl_data_timeseries');
  }

  /** Buffers that planning touches in the source, over all its statements. */
  async function buffersOfPlanning(lab: MigrationLab): Promise<number> {
    const plan = await planAndPrepare(lab, { ship: 'ship0', to: day('00:00:00', '2025-01-13') });
    return withConnection(lab.source, { name: 'fairlead/test' }, async (client) => {
      const touched = async () => {
        await client.query('select pg_sleep(0.02)');
        const { rows } = await client.query<{ blocks: number }>(
          `select (pg_stat_get_xact_blocks_fetched(c) + pg_stat_get_xact_blocks_fetched(k) + pg_stat_get_xact_blocks_fetched(t))::int as blocks
             from (select 'tenant.tbl_data_timeseries'::regclass as c, 'tenant.data_timeseries_pk'::regclass as k,
                          'tenant.tbl_data_timeseries_created_time_idx'::regclass as t) as relation`,
        );
        return rows[0]!.blocks;
      };
      await client.query('begin');
      const before = await touched();
      const channels = await listChannels(client, lab.sourceTable, plan.ship);
      await firstInstant(client, lab.sourceTable, plan.ship, channels, undefined);
      await firstInstant(
        client,
        lab.sourceTable,
        plan.ship,
        channels,
        parseInstant(day('02:00:00', '2025-01-01')),
      );
      const after = await touched();
      await client.query('commit');
      return after - before;
    });
  }

  it('cost the same however long the ship was silent and the others were not', async () => {
    await using short = await migrationLab({ major });
    await using long = await migrationLab({ major });
    await insertFleet(short, 1);
    await insertFleet(long, 6);
    const [few, many] = [await buffersOfPlanning(short), await buffersOfPlanning(long)];
    expect(few).toBeGreaterThan(CHANNELS);
    expect(many).toBeLessThan(2 * few);
    expect(many).toBeLessThan(20 * CHANNELS);
    expect(
      (
        await planAll(
          long,
          await planAndPrepare(long, { ship: 'ship0', to: day('00:00:00', '2025-01-07') }),
        )
      ).chunks,
    ).toEqual(['00:00-02:00', '22:00-00:00']);
  });
});
