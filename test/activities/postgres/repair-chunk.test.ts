import { describe, expect, it } from 'vitest';
import { copyChunk } from '../../../activities/postgres/copy-chunk.ts';
import { verifyBatch } from '../../../activities/postgres/verify-batch.ts';
import type { ChunkProof, ShipPlan } from '../../../domain/migration.ts';
import {
  cell,
  copy,
  FROM,
  insertCells,
  ledger,
  MAJORS,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quietRun,
  second,
  SHIP,
  TO,
  WIDE,
  wideCells,
  wideInstants,
  type MigrationLab,
} from '../../migration-databases.ts';

const at = (row: number) => `timestamp '2025-06-15 02:00' + ${row} * interval '10 minutes'`;

/** Ten instants of two numbers and a text; `/late` has cells in other chunks only. */
async function copied(lab: MigrationLab): Promise<ShipPlan> {
  const rows = Array.from({ length: 10 }, (_, row) => row);
  await insertCells(
    lab,
    rows.flatMap((row) => [
      cell('Decimal', '/a', second(row * 600), row),
      cell('Decimal', '/b', second(row * 600), row === 4 ? null : 100 + row),
      cell('String', '/c', second(row * 600), `row ${row}`),
    ]),
  );
  await insertCells(lab, [cell('Decimal', '/late', second(7_200), 1)]);
  const plan = await planAndPrepare(lab);
  await copy(lab, plan);
  return plan;
}

const compare = (lab: MigrationLab) =>
  verifyBatch(lab, { ship: SHIP, from: FROM, to: TO, widthMs: 7_200_000 }, quietRun());

async function repair(lab: MigrationLab): Promise<ChunkProof> {
  const { ship, installation, startedAt } = await planAndPrepare(lab, { redo: true });
  const input = { ship, installation, startedAt, from: FROM, to: TO };
  return copyChunk(lab, { ...input, redo: true, repair: true }, quietRun());
}

const inChunk = `created_time < timestamp '2025-06-15 04:00'`;

describe.each(MAJORS)('a repair on PostgreSQL %i', (major) => {
  it.each([
    ['a cell that was changed', `update ${WIDE} set "/a" = -1 where created_time = ${at(3)}`],
    ['a cell that was deleted', `update ${WIDE} set "/a" = null where created_time = ${at(3)}`],
    ['a row that was deleted', `delete from ${WIDE} where created_time = ${at(3)}`],
    ['all rows deleted', `delete from ${WIDE}`],
    ['the table dropped', `drop table ${WIDE}`],
    ['two columns dropped', `alter table ${WIDE} drop column "/b", drop column "/c"`],
    ['a row too many', `insert into ${WIDE} (created_time, "/a") values (${at(3)} + '1 s', 7)`],
    [
      'a cell where the source has NULL',
      `update ${WIDE} set "/b" = 7 where created_time = ${at(4)}`,
    ],
    ['two columns that were swapped', `update ${WIDE} set "/a" = "/b", "/b" = "/a"`],
    [
      'two columns whose names were swapped',
      `alter table ${WIDE} rename "/a" to x; alter table ${WIDE} rename "/b" to "/a"; alter table ${WIDE} rename x to "/b"`,
    ],
    ['rows that moved by a microsecond', `update ${WIDE} set created_time = created_time + '1 us'`],
    [
      'a quarantine with a stranger',
      `insert into fairlead.quarantine select '${SHIP}', '/a', ${at(3)}, 'conflict'`,
    ],
  ])('makes equal: %s', async (_what, damage) => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await lab.targetDatabase.query(damage);
    const proof = await repair(lab);
    expect(proof).toMatchObject({ status: 'done', foreign: 0, cells: { read: 30, nulls: 1 } });
    expect(await compare(lab)).toMatchObject({ matched: 30, missing: 0, different: 0, extra: 0 });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab, SHIP, inChunk));
    expect(await wideInstants(lab)).toHaveLength(10);
    expect(await ledger(lab)).toEqual(['02:00 04:00 done written=29']);
    const { rows } = await lab.targetDatabase.query('select from fairlead.quarantine');
    expect(rows).toEqual([]);
  });

  it("keeps other writers' values in other channels and columns", async () => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await lab.targetDatabase.query(`
      alter table ${WIDE} add column "/theirs" text;
      update ${WIDE} set "/theirs" = 'kept', "/late" = 5, "/a" = -1 where created_time = ${at(3)};
      insert into ${WIDE} (created_time, "/theirs", "/a") values (${at(3)} + '1 s', 'kept too', 7);
      insert into ${WIDE} (created_time, "/late") values (${at(3)} + '2 s', 6);
      insert into ${WIDE} (created_time, "/a", "/b") values (${at(3)} + '3 s', 7, 8)`);
    expect(await compare(lab)).toMatchObject({ matched: 29, different: 1, extra: 5 });
    expect(await repair(lab)).toMatchObject({ foreign: 2 });
    const { rows } = await lab.targetDatabase.query<{ line: string }>(
      `select concat_ws(' ', to_char(created_time, 'MI:SS'), "/a", "/late", "/theirs") as line
         from ${WIDE} where created_time >= ${at(3)} and created_time < ${at(4)} order by created_time`,
    );
    expect(rows.map(({ line }) => line)).toEqual(['30:00 3 5 kept', '30:01 kept too', '30:02 6']);
    expect(await compare(lab)).toMatchObject({ matched: 30, missing: 0, different: 0, extra: 2 });
  });

  it('takes what came to the source, and lets go what went from it', async () => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await insertCells(lab, [cell('Boolean', '/new', second(5), true)]);
    await lab.sourceDatabase.query(
      `delete from tenant.tbl_data_timeseries where data_channel_id = '/c' and ${inChunk}`,
    );
    expect(await compare(lab)).toMatchObject({ missing: 1, extra: 10 });
    await repair(lab);
    expect(await compare(lab)).toMatchObject({ source: 21, matched: 21, missing: 0, extra: 0 });
  });
});
