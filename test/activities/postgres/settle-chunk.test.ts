import { describe, expect, it } from 'vitest';
import { planChunks } from '../../../activities/postgres/plan-chunks.ts';
import { settleAsFailed, splitChunk } from '../../../activities/postgres/settle-chunk.ts';
import { summarizeShip } from '../../../activities/postgres/summarize-ship.ts';
import {
  FROM,
  MAJORS,
  SHIP,
  TO,
  cell,
  copy,
  insertCells,
  interrupt,
  ledger,
  migrationLab,
  planAndPrepare,
  second,
  split,
  waitForLock,
} from '../../migration-databases.ts';
import { expectFiveCells, insertFiveCells } from './five-cells.ts';

describe.each(MAJORS)('a split on PostgreSQL %i', (major) => {
  it('is in the ledger with its lineage, and sums count only the halves', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    await insertCells(lab, [cell('Decimal', '/a', '2025-06-15T03:30:00Z', 4)]);
    const plan = await planAndPrepare(lab);
    const halves = await split(lab);
    expect(halves).toEqual([
      { from: FROM, to: '2025-06-15T03:00:00.000Z' },
      { from: '2025-06-15T03:00:00.000Z', to: TO },
    ]);
    await split(lab, 'too big again');
    for (const half of halves) await copy(lab, plan, half);
    const { rows } = await lab.targetDatabase.query(
      `select to_char(from_time, 'HH24:MI') as from, status, cells_read::int as read, error,
              to_char(parent_from, 'HH24:MI') || ' ' || to_char(parent_to, 'HH24:MI') as parent
         from fairlead.chunk order by from_time, to_time desc`,
    );
    expect(rows).toEqual([
      { from: '02:00', status: 'split', read: 0, error: 'too big again', parent: null },
      { from: '02:00', status: 'done', read: 5, error: null, parent: '02:00 04:00' },
      { from: '03:00', status: 'done', read: 1, error: null, parent: '02:00 04:00' },
    ]);
  });

  it('leaves the lineage of a half that begins narrower to the chunks that it begins as', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    await insertCells(lab, [
      cell('Decimal', '/a', '2025-06-15T03:00:00Z', 4),
      cell('Decimal', '/a', '2025-06-15T03:30:00Z', 5),
    ]);
    const plan = await planAndPrepare(lab);
    await split(lab);
    const [three, halfPast] = ['2025-06-15T03:00:00.000Z', '2025-06-15T03:30:00.000Z'];
    await copy(lab, plan, { to: three });
    await copy(lab, plan, { from: three, to: halfPast });
    await copy(lab, plan, { from: halfPast });
    const { rows } = await lab.targetDatabase.query<{ line: string }>(
      `select concat_ws(' ', to_char(from_time, 'HH24:MI'), to_char(to_time, 'HH24:MI'), status,
                        to_char(parent_from, 'HH24:MI'), to_char(parent_to, 'HH24:MI')) as line
         from fairlead.chunk order by from_time, to_time desc`,
    );
    expect(rows.map(({ line }) => line)).toEqual([
      '02:00 04:00 split',
      '02:00 03:00 done 02:00 04:00',
      '03:00 03:30 done 02:00 04:00',
      '03:30 04:00 done 02:00 04:00',
    ]);
    const { chunks } = await summarizeShip(lab, { ship: SHIP });
    expect(chunks).toMatchObject({ total: 3, done: 3, split: 1, failed: 0 });
    const redo = { ...plan, redo: true, startedAt: 'infinity' };
    const again = await planChunks(lab, { plan: redo, cursor: FROM });
    expect(again.chunks.filter(({ from }) => from < TO)).toEqual([
      { from: FROM, to: three },
      { from: three, to: TO },
    ]);
  });

  it('goes down to halves of a minute, no further', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    await planAndPrepare(lab);
    const failure = { ship: SHIP, from: FROM, message: 'statement timeout' };
    expect(await splitChunk(lab, { ...failure, to: second(120) })).toHaveLength(2);
    await expect(splitChunk(lab, { ...failure, to: second(119) })).rejects.toMatchObject({
      code: 'data-refused',
      kind: 'data',
      message: expect.stringContaining('too narrow to be split further: statement timeout'),
    });
  });

  it('or a failure is not written down of a chunk that was committed after all', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const failure = { ...plan, redo: true, from: FROM, to: TO, message: 'no time' };
    const { checksum } = await copy(lab, plan);
    const proof = { checksum, provenBefore: true, cells: { written: 4 } };
    for (const settle of [splitChunk, settleAsFailed])
      expect(await settle(lab, failure)).toMatchObject(proof);
    expect(await ledger(lab)).toEqual(['02:00 04:00 done written=4']);
  });

  it('waits for an attempt that is just committing', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    let splitting: ReturnType<typeof splitChunk> | undefined;
    interrupt(lab.target, 'before', /^commit/, async () => {
      splitting ??= splitChunk(lab, { ship: SHIP, from: FROM, to: TO, message: 'no time' });
      await waitForLock(lab);
    });
    await copy(lab, plan);
    expect(await splitting).toMatchObject({ status: 'done', provenBefore: true });
  });

  it('takes the place of a proof from before a migration that does all again', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    await copy(lab, await planAndPrepare(lab));
    const { startedAt } = await planAndPrepare(lab, { redo: true });
    const failure = { ship: SHIP, from: FROM, to: TO, message: 'too big', redo: true, startedAt };
    expect(await splitChunk(lab, failure)).toHaveLength(2);
  });

  it('or a failure is written down, and a later success takes its place', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    await settleAsFailed(lab, { ship: SHIP, from: FROM, to: TO, message: 'out of luck' });
    expect(await ledger(lab)).toEqual(['02:00 04:00 failed written=0']);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectFiveCells(lab);
  });
});
