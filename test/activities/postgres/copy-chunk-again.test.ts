import { describe, expect, it } from 'vitest';
import {
  FROM,
  MAJORS,
  SHIP,
  TO,
  WIDE,
  cell,
  copy,
  insertCells,
  interrupt,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quarantined,
  second,
  split,
  waitForLock,
  wideCells,
  wideInstants,
  type MigrationLab,
} from '../../migration-databases.ts';

const at = (time: string) => `2025-06-15T${time}Z`;

/** Half an hour's cells around 03:00, so that two chunks that overlap share some. */
async function insertHours(lab: MigrationLab): Promise<void> {
  const instants = Array.from({ length: 48 }, (_, n) => second(n * 300));
  await insertCells(
    lab,
    instants.flatMap((instant, row) => [
      cell('Decimal', '/a', instant, row),
      cell('String', '/b', instant, `row ${row}`),
      cell('Integer', '/c', instant, row % 5 === 0 ? null : row),
    ]),
  );
}

const writtenIn = async ({ targetDatabase }: MigrationLab): Promise<number> => {
  const { rows } = await targetDatabase.query<{ written: number }>(
    `select sum(cells_written)::int as written from fairlead.chunk where status in ('done', 'empty')`,
  );
  return rows[0]!.written;
};

describe.each(MAJORS)('a chunk that is copied again on PostgreSQL %i', (major) => {
  it('is not: the proof of the first time is given', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    const first = await copy(lab, plan);
    await lab.targetDatabase.query(`delete from ${WIDE}`);
    const second_ = await copy(lab, plan);
    expect(second_).toMatchObject({
      provenBefore: true,
      cells: first.cells,
      checksum: first.checksum,
    });
    expect(await wideInstants(lab)).toEqual([]);
  });

  it('because it was asked for, holds what the source holds now, and nothing from before', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await insertCells(lab, [{ channel: '/a', at: second(1), format: null, double: 1 }]);
    const first = await copy(lab, await planAndPrepare(lab));
    await lab.sourceDatabase.query(`
      update tenant.tbl_data_timeseries set double_v = double_v + 0.5 where data_channel_id = '/a';
      delete from tenant.tbl_data_timeseries where data_channel_id = '/b' or created_time = '2025-06-15 02:05'`);
    const redo = await planAndPrepare(lab, { redo: true });
    const again = await copy(lab, redo);
    expect(again).toMatchObject({ provenBefore: false, foreign: 0, cells: { read: 47 } });
    expect(again.checksum).not.toBe(first.checksum);
    expect(await wideCells(lab)).toEqual(
      await narrowCells(
        lab,
        SHIP,
        "value_format is not null and created_time < '2025-06-15 04:00'",
      ),
    );
    expect(await quarantined(lab)).toEqual(['/a missing-format']);
    expect(await copy(lab, redo)).toMatchObject({ provenBefore: true, checksum: again.checksum });
  });

  it('when its cells are gone from the source, is empty in the target too', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await copy(lab, await planAndPrepare(lab));
    await lab.sourceDatabase.query(
      `delete from tenant.tbl_data_timeseries where created_time < '2025-06-15 04:00'`,
    );
    const proof = await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(proof).toMatchObject({ status: 'empty', cells: { read: 0, written: 0 } });
    expect(await wideInstants(lab)).toEqual([]);
  });

  it('several times at once, is there once', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    for (let round = 0; round < 3; round++) {
      const plan = await planAndPrepare(lab, { redo: true });
      const attempts = await Promise.allSettled([1, 2, 3].map(() => copy(lab, plan)));
      for (const attempt of attempts) {
        if (attempt.status === 'rejected')
          expect(attempt.reason).toMatchObject({ kind: 'transient' });
      }
      await copy(lab, plan);
      expect(await copy(lab, plan)).toMatchObject({ provenBefore: true });
      expect(await ledger(lab)).toEqual(['02:00 04:00 done written=67']);
      expect(await wideCells(lab)).toEqual(
        await narrowCells(lab, SHIP, "created_time < '2025-06-15 04:00'"),
      );
    }
  });

  it('with another width, counts each cell once, and what it replaced is superseded', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await copy(lab, await planAndPrepare(lab));
    const plan = await planAndPrepare(lab, { redo: true, widthMs: 3_600_000 });
    await copy(lab, plan, { from: at('02:00'), to: at('03:00') });
    expect(await ledger(lab)).toEqual([
      '02:00 03:00 done written=33',
      '02:00 04:00 superseded written=67',
    ]);
    await copy(lab, plan, { from: at('03:00'), to: at('04:00') });
    expect(await writtenIn(lab)).toBe(67);
    await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(await writtenIn(lab)).toBe(67);
    expect(await ledger(lab)).toEqual([
      '02:00 03:00 superseded written=33',
      '02:00 04:00 done written=67',
      '03:00 04:00 superseded written=34',
    ]);
    expect(await wideCells(lab)).toEqual(
      await narrowCells(lab, SHIP, "created_time < '2025-06-15 04:00'"),
    );
  });

  it('by one who hung while its chunk was split, does not take the place of the halves', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    let isFirst = true;
    interrupt(lab.source, 'after', /^explain/, async () => {
      if (!isFirst) return;
      isFirst = false;
      for (const half of await split(lab)) await copy(lab, plan, half);
    });
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'attempt-superseded',
      kind: 'transient',
      message: expect.stringContaining('this is attempt 1, and the chunk was split'),
    });
    expect(await ledger(lab)).toEqual([
      '02:00 03:00 done written=33',
      '02:00 04:00 split written=0',
      '03:00 04:00 done written=34',
    ]);
  });

  it('as a part of what was proven meanwhile, is in the ledger no more, and may not write', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    let isFirst = true;
    interrupt(lab.source, 'after', /^explain/, async () => {
      if (!isFirst) return;
      isFirst = false;
      await copy(lab, plan);
    });
    await expect(copy(lab, plan, { to: at('02:30') })).rejects.toMatchObject({
      code: 'attempt-superseded',
    });
    expect(await ledger(lab)).toEqual(['02:00 04:00 done written=67']);
  });

  it('at the same time as another range that overlaps it, leaves every cell there once', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    const ranges = [
      { from: at('02:00'), to: at('04:00') },
      { from: at('03:30'), to: at('05:00') },
      { from: at('03:00'), to: at('06:00') },
    ];
    const overtaken = { code: 'attempt-superseded' };
    await Promise.all(
      ranges.map((range) =>
        copy(lab, plan, range).catch((error: unknown) => {
          expect(error).toMatchObject(overtaken);
          return copy(lab, plan, range);
        }),
      ),
    );
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
    const overlapping = await lab.targetDatabase.query(
      `select a.from_time, b.from_time from fairlead.chunk a join fairlead.chunk b
           on (a.from_time, a.to_time) < (b.from_time, b.to_time) and b.from_time < a.to_time
        where a.status = 'done' and b.status = 'done'`,
    );
    expect(overlapping.rows).toEqual([]);
  });
});

describe.each(MAJORS)('where other writers have been, on PostgreSQL %i,', (major) => {
  it('a first copy keeps their values, but its own win', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    await lab.targetDatabase.query(`
      alter table ${WIDE} add column "/theirs" text;
      insert into ${WIDE} (created_time, "/a", "/b", "/theirs") values
        ('2025-06-15 02:00:00', 99, 'stale', 'kept'),
        ('2025-06-15 02:00:01', 98, null, 'kept too'),
        ('2025-06-15 01:59:59', 97, null, null),
        ('2025-06-15 04:00:00', 96, null, null);
      insert into ${WIDE} (created_time, "/c") values ('2025-06-15 02:25:00', 25)`);
    const proof = await copy(lab, plan);
    expect(proof).toMatchObject({ cells: { read: 72, written: 67, nulls: 5 }, foreign: 2 });
    const { rows } = await lab.targetDatabase.query(
      `select created_time::time(0)::text as at, "/a", "/b", "/c"::int, "/theirs" from ${WIDE}
        where "/theirs" is not null or created_time in ('2025-06-15 02:25', '2025-06-15 01:59:59', '2025-06-15 04:00')
        order by 1`,
    );
    expect(rows).toEqual([
      { at: '01:59:59', '/a': 97, '/b': null, '/c': null, '/theirs': null },
      { at: '02:00:00', '/a': 0, '/b': 'row 0', '/c': null, '/theirs': 'kept' },
      { at: '02:00:01', '/a': 98, '/b': null, '/c': null, '/theirs': 'kept too' },
      { at: '02:25:00', '/a': 5, '/b': 'row 5', '/c': 25, '/theirs': null },
      { at: '04:00:00', '/a': 96, '/b': null, '/c': null, '/theirs': null },
    ]);
  });

  it('a second copy keeps what they added and brings back what they changed', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await copy(lab, await planAndPrepare(lab));
    const before = await wideCells(lab);
    await lab.targetDatabase.query(`
      update ${WIDE} set "/a" = -1 where created_time = '2025-06-15 02:05';
      delete from ${WIDE} where created_time = '2025-06-15 02:10';
      insert into ${WIDE} (created_time, "/a") values ('2025-06-15 02:00:01', 7)`);
    const proof = await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(proof).toMatchObject({ foreign: 1, cells: { written: 67 } });
    const added = '/a 2025-06-15 02:00:01 401c000000000000';
    expect((await wideCells(lab)).filter((line) => line !== added)).toEqual(before);
    expect(await wideCells(lab)).toContain(added);
  });

  it('a row that appears after the look, at an instant of the chunk, is merged', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    const plan = await planAndPrepare(lab);
    const writer = await lab.targetDatabase.pool.connect();
    await writer.query(
      `begin; insert into ${WIDE} (created_time, "/a", "/c") values ('2025-06-15 02:25', 99, 98)`,
    );
    const copying = copy(lab, plan);
    await waitForLock(lab);
    await writer.query('commit');
    writer.release();
    expect(await copying).toMatchObject({ foreign: 1, cells: { written: 67 } });
    const { rows } = await lab.targetDatabase.query(
      `select "/a", "/c"::int from ${WIDE} where created_time = '2025-06-15 02:25'`,
    );
    expect(rows).toEqual([{ '/a': 5, '/c': 98 }]);
  });

  it.each(['first', 'second'])(
    'a row that appears after the look of the %s copy, at another instant, is kept',
    async (which) => {
      await using lab = await migrationLab({ major });
      await insertHours(lab);
      if (which === 'second') await copy(lab, await planAndPrepare(lab));
      const plan = await planAndPrepare(lab, { redo: true });
      interrupt(lab.target, 'before', /^delete from fairlead.quarantine/, async () => {
        await lab.targetDatabase.query(
          `insert into ${WIDE} (created_time, "/a") values ('2025-06-15 02:00:01', 99)`,
        );
      });
      expect(await copy(lab, plan)).toMatchObject({ foreign: 1, cells: { written: 67 } });
      expect(await wideInstants(lab)).toContain('2025-06-15 02:00:01');
    },
  );

  it('a row that appears between the look and the DELETE of a second copy is kept', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await copy(lab, await planAndPrepare(lab));
    const plan = await planAndPrepare(lab, { redo: true });
    interrupt(lab.target, 'before', /^delete from "tenant"/, async () => {
      await lab.targetDatabase.query(
        `insert into ${WIDE} (created_time, "/a") values ('2025-06-15 02:00:01', 99)`,
      );
    });
    expect(await copy(lab, plan)).toMatchObject({ foreign: 1, cells: { written: 67 } });
    expect(await wideInstants(lab)).toContain('2025-06-15 02:00:01');
  });

  it('one chunk after the other on the same connection is merged, each by itself', async () => {
    await using lab = await migrationLab({ major });
    await insertHours(lab);
    await insertCells(lab, [cell('Decimal', '/d', at('05:00'), 1)]);
    const plan = await planAndPrepare(lab);
    for (const [from, to] of [
      [FROM, TO],
      [TO, at('06:00')],
    ] as const) {
      await lab.targetDatabase.query(`insert into ${WIDE} (created_time, "/a") values ($1, 99)`, [
        from.replace(':00.000Z', ':07').replace(':00Z', ':07'),
      ]);
      expect(await copy(lab, plan, { from, to })).toMatchObject({ foreign: 1 });
    }
    const theirs = (line: string) => line.includes(':07 ');
    expect((await wideCells(lab)).filter((line) => !theirs(line))).toEqual(await narrowCells(lab));
  });
});
