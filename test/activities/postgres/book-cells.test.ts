import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  SHIP,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  requestFor,
  second,
  wideCells,
  type MigrationLab,
  type NarrowCell,
} from '../../migration-databases.ts';
import { planShip } from '../../../activities/postgres/plan-ship.ts';
import { verifyBatch } from '../../../activities/postgres/verify-batch.ts';

const maybe = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 1, arbitrary: value }, { weight: 1, arbitrary: fc.constant(null) });

const formats = ['Decimal', 'Integer', 'Boolean', 'String', 'DateTime', 'Quantity', null];

/** Any cell that the narrow table takes, right or wrong in any way. */
const anyCell: fc.Arbitrary<NarrowCell> = fc.record({
  channel: fc.constantFrom('/a', '/b', '/c', '/Ä', '/"quoted"', '/d'),
  at: fc.integer({ min: 0, max: 30 }).map((row) => second(row * 0.25)),
  format: fc.constantFrom(...formats),
  double: maybe(fc.double()),
  long: maybe(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  bool: maybe(fc.boolean()),
  text: maybe(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\0', ''))),
});

/** Any cell that stands as its format says; NULL at times. */
const plainCell: fc.Arbitrary<NarrowCell> = anyCell.map(
  ({ channel, at, double, long, bool, text }) => {
    const base = { channel, at };
    if (channel === '/a') return { ...base, format: 'Decimal', double: double ?? null };
    if (channel === '/b') return { ...base, format: 'Integer', long: long ?? null };
    if (channel === '/c') return { ...base, format: 'Boolean', bool: bool ?? null };
    return { ...base, format: 'String', text: text ?? null };
  },
);

const withKey = (cell: fc.Arbitrary<NarrowCell>) =>
  fc.uniqueArray(cell, { selector: ({ channel, at }) => `${channel} ${at}`, maxLength: 60 });

/** A database for many runs: each run begins with no cell, no table and no ledger. */
async function clear({ sourceDatabase }: MigrationLab): Promise<void> {
  await sourceDatabase.query(`
    truncate tenant.tbl_data_timeseries;
    drop schema if exists fairlead cascade;
    do $$ declare t text; begin
      for t in select tablename from pg_tables where schemaname = 'tenant' and tablename <> 'tbl_data_timeseries'
      loop execute format('drop table tenant.%I', t); end loop;
    end $$`);
}

async function verify(lab: MigrationLab) {
  const range = { from: '2025-06-15T02:00:00Z', to: '2025-06-15T04:00:00Z' };
  return verifyBatch(
    lab,
    { ...range, ship: SHIP, widthMs: 3_600_000 },
    { signal: new AbortController().signal },
  );
}

const runs = { numRuns: 25, interruptAfterTimeLimit: 25_000, endOnFailure: true };

it('reads as many cells as it writes, finds NULL and quarantines, whatever they are', async () => {
  await using lab = await migrationLab();
  await lab.sourceDatabase.query(
    'alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk',
  );
  await fc.assert(
    fc.asyncProperty(fc.array(anyCell, { minLength: 1, maxLength: 60 }), async (cells) => {
      await clear(lab);
      await insertCells(lab, cells);
      const { cells: counts } = await copy(lab, await planAndPrepare(lab));
      expect(counts.read).toBe(cells.length);
      const nulls = cells.filter(({ double, long, bool, text }) =>
        [double, long, bool, text].every((value) => value === null || value === undefined),
      );
      expect(counts.nulls).toBe(nulls.length);
      expect(await wideCells(lab)).toHaveLength(counts.written);
      const { rows } = await lab.targetDatabase.query<{ cells: number }>(
        'select count(*)::int as cells from fairlead.quarantine',
      );
      expect(rows[0]!.cells).toBe(counts.quarantined);
      expect(counts.written + counts.nulls + counts.quarantined).toBe(cells.length);
      expect(await verify(lab)).toMatchObject({
        source: cells.length,
        missing: 0,
        different: 0,
        extra: 0,
        differences: [],
      });
    }),
    runs,
  );
});

it('pivots any plain cells bit for bit, and finds the same again', async () => {
  await using lab = await migrationLab({ major: 13 });
  await fc.assert(
    fc.asyncProperty(withKey(plainCell), async (cells) => {
      await clear(lab);
      await insertCells(lab, [{ channel: '/a', at: second(0.1), format: 'Decimal' }, ...cells]);
      const first = await copy(lab, await planAndPrepare(lab));
      expect(first.cells.quarantined).toBe(0);
      expect(await wideCells(lab)).toEqual(await narrowCells(lab));
      // The read-back of the second copy must find what the ledger holds of the first, else it would merge.
      const again = await copy(lab, await planShip(lab, requestFor({ redo: true })));
      expect(again).toMatchObject({ checksum: first.checksum, cells: first.cells, foreign: 0 });
    }),
    runs,
  );
});
