import { describe, expect, it } from 'vitest';
import { listFailedChunks, listProofs } from '../../../activities/postgres/list-ledger.ts';
import { findOpenRanges, planChunksOfRanges } from '../../../activities/postgres/plan-ranges.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { subtractSpans } from '../../../domain/chunk-planning.ts';
import { planChunks } from '../../../activities/postgres/plan-chunks.ts';
import { settleAsFailed } from '../../../activities/postgres/settle-chunk.ts';
import { reportShip } from '../../../activities/postgres/summarize-ship.ts';
import type { InstantRange, ShipPlan } from '../../../domain/migration.ts';
import { formatPostProc } from '../../../domain/post-proc.ts';
import {
  cell,
  copy,
  insertCells,
  ledger,
  MAJORS,
  migrationLab,
  narrowCells,
  planAndPrepare,
  second,
  SHIP,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

const at = (time: string) => `2025-06-15T${time}Z`;
const range = (from: string, to: string): InstantRange => ({ from: at(from), to: at(to) });

/** A cell a minute from 00:00 to 08:00. */
async function planned(lab: MigrationLab, request = {}): Promise<ShipPlan> {
  const minutes = Array.from({ length: 480 }, (_, minute) => minute - 120);
  await insertCells(
    lab,
    minutes.map((minute) => cell('Decimal', '/a', second(minute * 60), minute)),
  );
  return planAndPrepare(lab, { to: at('08:00:00'), ...request });
}

const chunksOf = async (lab: MigrationLab, plan: ShipPlan, ranges: InstantRange[]) => {
  const open = await findOpenRanges(lab, { plan, ranges });
  const input = { plan, cursor: open.ranges[0]?.from ?? plan.from };
  const { chunks } = await planChunksOfRanges(lab, input, open.ranges);
  expect(open.chunks).toBe(chunks.length);
  return chunks.map(({ from, to }) => `${from.slice(11, -1)} ${to.slice(11, -1)}`);
};

const fail = (lab: MigrationLab, { from, to }: InstantRange) =>
  settleAsFailed(lab, { ship: SHIP, from, to, message: 'it broke' });

describe.each(MAJORS)('ranges of a file on PostgreSQL %i', (major) => {
  it('are cut on the grid, to the microsecond, without what is proven', async () => {
    await using lab = await migrationLab({ major });
    const plan = await planned(lab);
    await copy(lab, plan, range('02:00:00.000', '04:00:00.000'));
    expect(
      await chunksOf(lab, plan, [
        range('00:10:00.000', '00:20:00.000'),
        range('01:40:40.388958', '06:40:40.388958'),
        range('02:30:00.000', '03:00:00.000'),
      ]),
    ).toEqual([
      '00:10:00.000 00:20:00.000',
      '01:40:40.388958 02:00:00.000',
      '04:00:00.000 06:00:00.000',
      '06:00:00.000 06:40:40.388958',
    ]);
  });

  it('leave no hole behind where a proof is superseded in part', async () => {
    await using lab = await migrationLab({ major });
    const plan = await planned(lab);
    const wanted = [range('02:30:00.000', '03:00:00.000')];
    await copy(lab, plan, range('02:00:00.000', '04:00:00.000'));
    await copy(lab, plan, wanted[0]);
    expect(await ledger(lab)).toEqual([
      '02:00 04:00 superseded written=120',
      '02:30 03:00 done written=30',
    ]);
    const chunks = await chunksOf(lab, plan, wanted);
    expect(chunks).toEqual(['02:00:00.000 02:30:00.000', '03:00:00.000 04:00:00.000']);
    for (const chunk of chunks) {
      const [from = '', to = ''] = chunk.split(' ');
      await copy(lab, plan, range(from, to));
    }
    expect(await chunksOf(lab, plan, wanted)).toEqual([]);
    const report = await reportShip(lab, { ship: SHIP, ...range('02:00:00', '04:00:00') });
    expect(report).toMatchObject({ verified: true, cells: { read: 120 }, chunks: { done: 3 } });
  });

  it('are done again as the chunks that prove them', async () => {
    await using lab = await migrationLab({ major });
    const first = await planned(lab);
    await copy(lab, first, range('02:00:00.000', '03:00:00.000'));
    await copy(lab, first, range('03:00:00.000', '04:30:00.000'));
    const plan = await planAndPrepare(lab, { to: at('08:00:00'), redo: true });
    const wanted = [range('02:20:00.000', '02:30:00.000'), range('04:10:00.000', '04:40:00.000')];
    const chunks = await chunksOf(lab, plan, wanted);
    expect(chunks).toEqual(['02:00:00.000 04:00:00.000', '04:00:00.000 04:40:00.000']);
  });

  it('are no failures any more once smaller chunks prove them', async () => {
    await using lab = await migrationLab({ major });
    const plan = await planned(lab);
    await fail(lab, range('02:00:00', '04:00:00'));
    await fail(lab, range('04:00:00', '06:00:00'));
    await copy(lab, plan, range('02:00:00.000', '03:00:00.000'));
    const failures = async () =>
      (await listFailedChunks(lab.target, []))
        .map(formatPostProc)
        .map((line) => line.slice(22, 37));
    expect(await failures()).toEqual(['02:00:00.000000', '04:00:00.000000']);
    await copy(lab, plan, range('03:00:00.000', '04:00:00.000'));
    expect(await failures()).toEqual(['04:00:00.000000']);
    await fail(lab, range('04:00:00', '05:00:00'));
    await fail(lab, range('05:00:00', '06:00:00'));
    expect(await failures()).toEqual(['04:00:00.000000', '05:00:00.000000']);
    const report = await reportShip(lab, { ship: SHIP, from: at('02:00:00'), to: at('06:00:00') });
    expect(report?.chunks).toMatchObject({ total: 4, done: 2, failed: 2 });
    const all = await planAndPrepare(lab, { to: at('06:00:00'), from: at('02:00:00') });
    const { chunks } = await planChunks(lab, { plan: all, cursor: all.from });
    expect(chunks).toEqual([range('04:00:00.000', '06:00:00.000')]);
  });

  it('are known by the proofs that touch them', async () => {
    await using lab = await migrationLab({ major });
    const plan = await planned(lab);
    await copy(lab, plan, range('02:00:00.000', '04:00:00.000'));
    const spanOf = (hour: number) => ({
      ship: SHIP,
      fromUs: Date.UTC(2025, 5, 15, hour) * 1_000,
      toUs: Date.UTC(2025, 5, 15, hour + 2) * 1_000,
    });
    expect(await listProofs(lab.target, [spanOf(3), spanOf(2), spanOf(6)])).toEqual([spanOf(2)]);
    expect(await listProofs(lab.target, [])).toEqual([]);
  });
});

/** Deterministic, from 0 to 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** As Temporal does: attempts at the same chunk end each other. */
async function copied(lab: MigrationLab, plan: ShipPlan, chunk: InstantRange): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await copy(lab, plan, chunk);
      return;
    } catch (error) {
      const kind = error instanceof FairleadError ? error.kind : 'bug';
      if (!['transient', 'outcome-unknown'].includes(kind) || attempt > 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt));
    }
  }
}

type Span = { fromUs: number; toUs: number };

const provenSpans = async (lab: MigrationLab): Promise<Span[]> => {
  const whole = {
    ship: SHIP,
    fromUs: Date.UTC(2025, 5, 14) * 1_000,
    toUs: Date.UTC(2025, 5, 17) * 1_000,
  };
  return (await listProofs(lab.target, [whole])).toSorted((a, b) => a.fromUs - b.fromUs);
};

describe.each([1, 2, 3])('reprocesses and migrations in any order, seed %i', (seed) => {
  it('take no proof away, count each cell once, and leave no hole', async () => {
    await using lab = await migrationLab();
    await planned(lab);
    const random = randomOf(seed);
    const minutes = () => Math.floor(random() * 480);
    const anyRange = (): InstantRange => {
      const [from, to] = [minutes(), minutes()].toSorted((a, b) => a - b) as [number, number];
      const us = () => String(Math.floor(random() * 1e6)).padStart(6, '0');
      const instant = (minute: number) =>
        `${new Date(Date.UTC(2025, 5, 15, 0, minute)).toISOString().slice(0, 19)}.${us()}Z`;
      return { from: instant(from), to: instant(to + 1) };
    };
    const widthMs = () => [1_800_000, 3_600_000, 7_200_000][Math.floor(random() * 3)]!;
    const reprocess = async (redo: boolean) => {
      const plan = await planAndPrepare(lab, { to: at('08:00:00'), redo, widthMs: widthMs() });
      const wanted = [anyRange(), anyRange()].toSorted((a, b) => a.from.localeCompare(b.from));
      for (;;) {
        const open = await findOpenRanges(lab, { plan, ranges: wanted });
        if (open.ranges.length === 0) return;
        const cursor = open.ranges[0]!.from;
        const { chunks } = await planChunksOfRanges(lab, { plan, cursor }, open.ranges);
        for (const chunk of chunks) await copied(lab, plan, chunk);
      }
    };
    const migrate = async (request: Partial<InstantRange>) => {
      const plan = await planAndPrepare(lab, {
        to: at('08:00:00'),
        widthMs: widthMs(),
        ...request,
      });
      for (;;) {
        const { chunks } = await planChunks(lab, { plan, cursor: plan.from });
        if (chunks.length === 0) return;
        for (const chunk of chunks) await copied(lab, plan, chunk);
      }
    };
    let before: Span[] = [];
    for (let round = 0; round < 6; round++) {
      const others = [reprocess(random() < 0.5), ...(random() < 0.5 ? [migrate(anyRange())] : [])];
      await Promise.all([reprocess(random() < 0.5), ...others]);
      const after = await provenSpans(lab);
      for (const [index, { fromUs }] of after.slice(1).entries())
        expect(fromUs).toBeGreaterThanOrEqual(after[index]!.toUs);
      for (const span of before) expect(subtractSpans(span, after)).toEqual([]);
      before = after;
    }
    await migrate({});
    const report = await reportShip(lab, { ship: SHIP, ...range('00:00:00', '08:00:00') });
    expect(report).toMatchObject({ verified: true, cells: { read: 480, written: 480 } });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });
});
