import { expect, it } from 'vitest';
import { listFailedChunks } from '../../activities/postgres/list-ledger.ts';
import { summarizeShip } from '../../activities/postgres/summarize-ship.ts';
import { verifyBatch } from '../../activities/postgres/verify-batch.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { narrowCells, SHIP, wideCells, type MigrationLab } from '../migration-databases.ts';
import {
  at,
  failingMigration,
  type FailingMigration,
  type FailingOptions,
} from './failing-migration.ts';

interface Case {
  code: ErrorCode;
  error: RegExp;
  options: FailingOptions;
  fault?: (migration: FailingMigration) => Promise<unknown>;
}

const slow: FailingOptions = {
  minutesBetweenCells: 10,
  sourceTable: { schema: 'tenant', name: 'slow' },
};

/** From now on each number before 02:00 takes its time; what lists channels or looks for cells does not ask for it. */
const slowDown = ({ lab }: FailingMigration) =>
  lab.sourceDatabase.query(
    `create function tenant.slowly(value float8, at timestamp) returns float8 language plpgsql stable as '
       begin
         if at < ''2025-06-15 02:00'' then perform pg_sleep(0.08); end if;
         return value;
       end';
     create or replace view tenant.slow as
       select id, ship_id, data_channel_id, created_time, server_created_time, bool_v, str_v, long_v,
              tenant.slowly(double_v, created_time) as double_v, value_format
         from tenant.tbl_data_timeseries`,
  );

const addLongTexts = ({ lab }: FailingMigration) =>
  lab.sourceDatabase.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, str_v)
     select $1, '/long', timestamp '2025-06-15' + n * interval '15 minutes', 'String', n || repeat('x', 300000)
       from generate_series(0, 7) n`,
    [SHIP],
  );

const faults: Record<string, Case> = {
  'the source reads longer than statementTimeout': {
    code: 'statement-timeout',
    error: /canceling statement due to statement timeout \(57014\)/,
    options: { ...slow, timing: { statementTimeoutMs: 1_500 } },
  },
  'the source ends long transactions': {
    code: 'chunk-too-big',
    error: /terminating connection due to transaction timeout \(25P04\)/,
    options: slow,
    fault: ({ lab, reader, endSessionsOf }) =>
      lab.sourceDatabase
        .query(`alter role ${reader} set transaction_timeout = '1500ms'`)
        .then(() => endSessionsOf(reader)),
  },
  'a chunk is more than the buffer holds': {
    code: 'chunk-too-big',
    error: /bytes/,
    options: { maxBufferBytes: 1_500_000 },
    fault: addLongTexts,
  },
};

it.each(Object.entries(faults))(
  'where %s, the chunk is split, and later ones begin with the width that worked',
  async (_, { code, error, options, fault }) => {
    await using migration = await failingMigration({ chunks: 2, ...options });
    const { lab, reader } = migration;
    await lab.sourceDatabase.query(
      `create view tenant.slow as select * from tenant.tbl_data_timeseries;
       grant select on tenant.slow to ${reader}`,
    );
    migration.before(0, async () => {
      if (options.sourceTable) await slowDown(migration);
      await fault?.(migration);
    });
    await migration.start();
    const report = await migration.report();
    expect(await migration.codes()).toEqual(new Set([code]));
    const rows = await ledgerOf(lab);
    const splits = rows.filter(({ status }) => status === 'split');
    const done = rows.filter(({ status }) => status === 'done');
    expect(splits.length).toBeGreaterThan(0);
    for (const split of splits) {
      expect(split.error).toMatch(error);
      const halves = rows.filter(({ parent }) => parent === split.range);
      expect(halves.length).toBeGreaterThanOrEqual(2);
    }
    expect(rows.length).toBe(splits.length + done.length);
    // The chunks after 02:00 did not have to be tried as a whole.
    const later = done.filter(({ range }) => range >= '02:00');
    expect(later.length).toBeGreaterThan(1);
    expect(splits.some(({ range }) => range === '02:00:00 04:00:00')).toBe(false);
    expect(report).toMatchObject({
      verified: true,
      chunks: { total: done.length, done: done.length, split: splits.length, failed: 0 },
    });
    await expectSame(lab, done.length);
    // All of it once more, as fast as ever: every chunk proves the same cells, none counts twice.
    await lab.sourceDatabase.query(
      'create or replace view tenant.slow as select * from tenant.tbl_data_timeseries',
    );
    await lab.sourceDatabase.query(`alter role ${reader} reset all`);
    await migration.start({ redo: true });
    expect(await migration.report()).toMatchObject({ verified: true, cells: report.cells });
    await expectSame(lab);
  },
);

/** `status`, `failed` and `verify` agree that everything is there. */
async function expectSame(lab: MigrationLab, done?: number): Promise<void> {
  const { chunks, cells } = await summarizeShip(lab, { ship: SHIP });
  if (done !== undefined) expect(chunks).toMatchObject({ total: done, done, failed: 0 });
  expect(cells.written).toBe((await narrowCells(lab)).length);
  expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  expect(await listFailedChunks(lab.target, [SHIP])).toEqual([]);
  const range = { ship: SHIP, from: at(0), to: at(1), widthMs: 3_600_000 };
  expect(
    await verifyBatch({ ...lab }, range, { signal: new AbortController().signal }),
  ).toMatchObject({
    missing: 0,
    different: 0,
    extra: 0,
  });
}

interface Row {
  range: string;
  status: string;
  error: string | null;
  parent: string | null;
}

const ledgerOf = async ({ targetDatabase }: MigrationLab): Promise<Row[]> => {
  const time = (column: string) => `to_char(${column}, 'HH24:MI:SS')`;
  const { rows } = await targetDatabase.query<Row & Record<string, unknown>>(
    `select ${time('from_time')} || ' ' || ${time('to_time')} as range, status, error,
            ${time('parent_from')} || ' ' || ${time('parent_to')} as parent
       from fairlead.chunk order by from_time, to_time desc`,
  );
  return rows;
};
