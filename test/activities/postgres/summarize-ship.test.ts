import { describe, expect, it } from 'vitest';
import { settleAsFailed } from '../../../activities/postgres/settle-chunk.ts';
import { reportShip, summarizeShip } from '../../../activities/postgres/summarize-ship.ts';
import {
  FROM,
  MAJORS,
  SHIP,
  TO,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  planAndPrepare,
  split,
  second,
  type MigrationLab,
} from '../../migration-databases.ts';

const HOUR_3 = '2025-06-15T03:00:00.000Z';
const HOUR_6 = '2025-06-15T06:00:00.000Z';

/** A cell a minute from 02:00 to 06:00; every tenth is NULL. */
const insertHours = (lab: MigrationLab) =>
  insertCells(
    lab,
    Array.from({ length: 240 }, (_, minute) =>
      cell('Decimal', '/a', second(minute * 60), minute % 10 === 0 ? null : minute),
    ),
  );

describe.each(MAJORS)('the report of a ship on PostgreSQL %i', (major) => {
  it('adds up the ledger', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab, { to: HOUR_6 });
    await lab.targetDatabase.query(
      `insert into ${WIDE} (created_time, "/a") values ('2025-06-15 02:00:01', 1)`,
    );
    await copy(lab, plan);
    expect(await summarizeShip(lab, plan)).toMatchObject({
      phase: 'copying',
      verified: false,
      chunks: { total: 2, done: 1, empty: 0, split: 0, failed: 0 },
      cells: { read: 120, written: 108, nulls: 12, quarantined: 0 },
    });
    await copy(lab, plan, { from: TO, to: HOUR_6 });
    const report = await summarizeShip(lab, plan);
    expect(report).toMatchObject({
      ship: SHIP,
      from: FROM,
      to: HOUR_6,
      phase: 'finished',
      verified: true,
      chunks: { total: 2, done: 2, empty: 0, split: 0, failed: 0 },
      cells: { read: 240, written: 216, nulls: 24, quarantined: 0 },
      foreign: 1,
      tables: [WIDE],
      quarantine: [],
    });
    expect(report.seconds).toBeGreaterThan(0);
    expect(report.cellsPerSecond).toBeGreaterThan(0);
    const { rows } = await lab.targetDatabase.query<{ rows: number }>(
      `select reltuples::int as rows from pg_class where oid = $1::regclass`,
      [WIDE],
    );
    expect(rows[0]?.rows).toBe(241);
  });

  it('comes also where a table was dropped meanwhile', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab, { to: TO });
    await copy(lab, plan);
    await lab.targetDatabase.query(`drop table ${WIDE}`);
    const report = await summarizeShip(lab, plan);
    expect(report).toMatchObject({ phase: 'finished', tables: [WIDE] });
    expect(report.remarks).toEqual(plan.remarks);
    expect(plan.remarks).not.toEqual([]);
  });

  it('counts the cells of a chunk once that was split, superseded or done again', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab, { to: HOUR_6 });
    for (const half of await split(lab)) await copy(lab, plan, half);
    await copy(lab, plan, { from: TO, to: HOUR_6 });
    const sums = {
      phase: 'finished',
      cells: { read: 240, written: 216, nulls: 24, quarantined: 0 },
    };
    expect(await summarizeShip(lab, plan)).toMatchObject({
      ...sums,
      chunks: { total: 3, done: 3, split: 1 },
    });
    const wider = { from: FROM, to: HOUR_6, redo: true, widthMs: 14_400_000 };
    const redo = await planAndPrepare(lab, wider);
    await copy(lab, redo, { from: FROM, to: HOUR_6 });
    expect(await summarizeShip(lab, redo)).toMatchObject({
      ...sums,
      chunks: { total: 1, done: 1 },
    });
  });

  it('is finished, but not verified, when a chunk failed for good', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab, { to: HOUR_6 });
    await copy(lab, plan);
    await settleAsFailed(lab, { ship: SHIP, from: TO, to: HOUR_6, message: 'out of luck' });
    expect(await summarizeShip(lab, plan)).toMatchObject({
      phase: 'finished',
      verified: false,
      chunks: { total: 2, done: 1, failed: 1 },
    });
  });

  it('names channels of which over a hundredth is in quarantine, and not the others', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await insertCells(lab, [
      { channel: '/a', at: second(1), format: null, double: 1 },
      { channel: '/a', at: second(2), format: null, double: 1 },
      ...[0, 1, 2].map((row) => cell('Decimal', '/bad', second(row * 60), row)),
      { channel: '/bad', at: second(1), format: null, double: 1 },
      { channel: '/bad', at: second(2), format: 'Decimal', text: 'x' },
    ]);
    const plan = await planAndPrepare(lab, { to: TO });
    await copy(lab, plan);
    const report = await summarizeShip(lab, plan);
    expect(report.cells).toEqual({ read: 127, written: 111, nulls: 12, quarantined: 4 });
    expect(report.quarantine).toEqual([
      { reason: 'missing-format', cells: 3, excessiveChannels: ['/a', '/bad'] },
      { reason: 'wrong-column', cells: 1, excessiveChannels: ['/bad'] },
    ]);
    await insertCells(
      lab,
      Array.from({ length: 200 }, (_, row) => cell('Decimal', '/a', second(row + 0.5), row)),
    );
    const again = await summarizeShip(lab, plan);
    expect(again.quarantine[0]).toMatchObject({ cells: 3, excessiveChannels: ['/bad'] });
  });

  it('without a plan spans what the ledger knows, and needs no source', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab, { to: HOUR_6 });
    expect(await reportShip(lab, { ship: SHIP })).toBeUndefined();
    await copy(lab, plan, { to: HOUR_3 });
    await copy(lab, plan, { from: TO, to: HOUR_6 });
    expect(await reportShip({ target: lab.target }, { ship: SHIP })).toMatchObject({
      from: FROM,
      to: HOUR_6,
      phase: 'copying',
      cells: { read: 180 },
    });
    expect(await reportShip(lab, { ship: SHIP, from: TO, to: HOUR_6 })).toMatchObject({
      phase: 'finished',
      cells: { read: 120 },
    });
    await expect(summarizeShip(lab, { ship: 'unknown' })).rejects.toMatchObject({
      code: 'ship-unknown',
    });
  });

  it('is none before the first migration', async () => {
    await using lab = await migrationLab({ major });
    expect(await reportShip(lab, { ship: SHIP })).toBeUndefined();
  });
});
