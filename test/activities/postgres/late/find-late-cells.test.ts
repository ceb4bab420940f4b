import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { OVERLAP_BLOCKS } from '../../../../activities/postgres/late/choose-path.ts';
import { coverAll } from '../../../../activities/postgres/late/late-mark.ts';
import {
  planChunksAndLate,
  sayOfLate,
} from '../../../../activities/postgres/late/reopen-late-chunks.ts';
import {
  MAJORS,
  SHIP,
  WIDE,
  cell,
  copy,
  insertCells,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  wideCells,
} from '../../../migration-databases.ts';
import {
  FOUND,
  ID_INDEX,
  NAMES,
  STAMP_INDEX,
  TABLE,
  day,
  fill,
  late,
  look,
  migrate,
  migrated,
  namesOf,
  pagesRead,
  statisticsTell,
  to,
} from './late-lab.ts';

describe.each(MAJORS)('late cells on PostgreSQL %i', (major) => {
  it('are found by an index on id: in a proven chunk, in a new channel, in empty time, not after the end', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    expect(await look(lab)).toMatchObject({ by: 'id', cells: { missing: 0 }, chunks: [] });
    await late(lab);
    const found = await look(lab);
    expect(found).toMatchObject({ by: 'id', ...FOUND });
    expect(namesOf(found)).toEqual(NAMES);
    expect(await look(lab)).toMatchObject(FOUND);
  });

  it('are found by an index on id that was made after they came', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab);
    await late(lab);
    await lab.sourceDatabase.query(ID_INDEX);
    expect(await look(lab)).toMatchObject({ by: 'id', ...FOUND });
  });

  it('are found by an index on server_created_time, with stamps up to an hour old', async () => {
    await using lab = await migrationLab({ major });
    const stamped = `alter table ${TABLE} alter server_created_time set default now() at time zone 'UTC';
      alter table ${TABLE} drop column id; ${STAMP_INDEX}`;
    await migrated(lab, stamped);
    await lab.sourceDatabase.query(`vacuum ${TABLE}`);
    await late(lab);
    await lab.sourceDatabase.query(
      `update ${TABLE} set server_created_time = server_created_time - interval '50 minutes' where data_channel_id = '/new'`,
    );
    expect(await look(lab)).toMatchObject({ by: 'server_created_time', ...FOUND });
    await lab.sourceDatabase.query(`update ${TABLE} set server_created_time = null`);
    await expect(look(lab)).rejects.toMatchObject({
      code: 'late-not-findable',
      message: expect.stringContaining('rows without server_created_time'),
    });
  });

  it('are found where their table was dropped, and copied by the next migration', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    await lab.targetDatabase.query(`drop table ${WIDE}`);
    await late(lab);
    expect(namesOf(await look(lab))).toEqual(expect.arrayContaining(NAMES));
    await migrate(lab, await planAndPrepare(lab, { to }));
    const proven = `created_time >= '2025-06-15 04:00' and created_time < '2025-06-15 06:00'`;
    expect(await wideCells(lab)).toEqual(
      await narrowCells(lab, SHIP, `created_time < '2025-06-15 12:00' and not (${proven})`),
    );
  });

  it('are copied again by the next migration, which says how many', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    await late(lab);
    const plan = await planAndPrepare(lab, { to });
    await migrate(lab, plan);
    expect(await wideCells(lab)).toEqual(
      await narrowCells(lab, SHIP, `created_time < '2025-06-15 12:00'`),
    );
    expect(await ledger(lab)).toContain('02:00 04:00 done written=10');
    expect(await look(lab)).toMatchObject({ cells: { source: 0, missing: 0 } });
  });

  it('that a transaction inserted before the plan, and committed after the chunk was read, are found', async () => {
    await using lab = await migrationLab({ major });
    await lab.sourceDatabase.query(ID_INDEX);
    await fill(lab);
    const writer = await lab.sourceDatabase.pool.connect();
    await writer.query('begin');
    await writer.query(
      `insert into ${TABLE} (ship_id, data_channel_id, created_time, value_format, double_v)
       values ('${SHIP}', '/a', '2025-06-15 03:15', 'Decimal', 7)`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('05:15:00'), 8)]);
    const plan = await planAndPrepare(lab, { to });
    await migrate(lab, plan);
    const pid = (writer as unknown as { processID: number }).processID;
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 }, writers: [pid] });
    await writer.query('commit');
    writer.release();
    const found = await look(lab);
    expect(found).toMatchObject({ cells: { missing: 1 }, writers: [] });
    expect(namesOf(found)).toEqual([`/a ${day('03:15:00.000')}`]);
    await migrate(lab, await planAndPrepare(lab, { to }));
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 }, writers: [] });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('are not passed over by a look at which someone was still writing', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    const writer = await lab.sourceDatabase.pool.connect();
    await writer.query('begin');
    await writer.query(
      `insert into ${TABLE} (ship_id, data_channel_id, created_time, value_format, double_v)
       values ('${SHIP}', '/a', '2025-06-15 03:15', 'Decimal', 7)`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('14:00:00'), 8)]);
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 } });
    await writer.query('commit');
    writer.release();
    expect(await look(lab)).toMatchObject({ cells: { missing: 1 } });
  });

  it('cannot be looked for in partitions that the role may not read by themselves', async () => {
    const role = `reader_${randomBytes(4).toString('hex')}`;
    await using lab = await migrationLab({
      major,
      sourceUrl: (url) => Object.assign(new URL(url), { username: role, password: 'secret' }).href,
    });
    const { sourceDatabase } = lab;
    await using _role = {
      [Symbol.asyncDispose]: async () =>
        void (await sourceDatabase.query(`drop owned by ${role}; drop role ${role}`)),
    };
    await sourceDatabase.query(
      `create role ${role} login password 'secret';
       alter table ${TABLE} rename to old_table;
       create table ${TABLE} (like tenant.old_table including defaults, primary key (ship_id, data_channel_id, created_time)) partition by range (created_time);
       create table tenant.only_one partition of ${TABLE} default;
       create index on ${TABLE} (id);
       grant usage on schema tenant to ${role}; grant select on ${TABLE} to ${role}`,
    );
    await migrated(lab);
    await expect(look(lab)).rejects.toMatchObject({
      message: expect.stringContaining('may not read tenant.only_one by itself'),
    });
    await sourceDatabase.query(`grant select on tenant.only_one to ${role}`);
    await migrate(lab, await planAndPrepare(lab, { to }));
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 } });
  });

  it('are found while chunks are in flight, and by the next look too', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    await lab.targetDatabase.query(
      `update fairlead.chunk set status = 'running' where from_time = '2025-06-15 04:00'`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('05:15:00'), 7)]);
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 } });
    await lab.targetDatabase.query(
      `update fairlead.chunk set status = 'done' where from_time = '2025-06-15 04:00'`,
    );
    expect(await look(lab)).toMatchObject({ cells: { missing: 1 } });
  });

  it('are found in any partition, old, new, or attached with rows of its own', async () => {
    await using lab = await migrationLab({ major });
    await lab.sourceDatabase.query(
      `alter table ${TABLE} rename to old_table;
       create table ${TABLE} (like tenant.old_table including defaults, primary key (ship_id, data_channel_id, created_time)) partition by range (created_time);
       create table tenant.early partition of ${TABLE} for values from (minvalue) to ('2025-06-15 04:00');
       create table tenant.middle partition of ${TABLE} for values from ('2025-06-15 04:00') to ('2025-06-15 09:00');
       create index on ${TABLE} (id);
       create table tenant.attached (like ${TABLE} including all);
       insert into tenant.attached (id, ship_id, data_channel_id, created_time, value_format, double_v)
         values (0, '${SHIP}', '/a', '2025-06-15 11:00', 'Decimal', 6)`,
    );
    await migrated(lab);
    await insertCells(lab, [cell('Decimal', '/a', day('03:15:00'), 1.5)]);
    await lab.sourceDatabase.query(
      `create table tenant.late partition of ${TABLE} for values from ('2025-06-15 09:00') to ('2025-06-15 10:00');
       alter table ${TABLE} attach partition tenant.attached for values from ('2025-06-15 10:00') to ('2025-06-16')`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('09:30:00'), 2.5)]);
    const found = await look(lab);
    expect(found).toMatchObject({ by: 'id', cells: { missing: 3 } });
    expect(namesOf(found)).toEqual([
      `/a ${day('03:15:00.000')}`,
      `/a ${day('09:30:00.000')}`,
      `/a ${day('11:00:00.000')}`,
    ]);
  });

  it('count as there when they are in quarantine, or NULL at an instant that has a row', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    await insertCells(lab, [
      { channel: '/a', at: day('03:15:00'), format: 'Decimal', text: 'odd' },
      cell('Decimal', '/a', day('05:15:00'), null),
      cell('Integer', '/b', day('05:15:00'), 4),
    ]);
    expect(await look(lab)).toMatchObject({ cells: { missing: 3 } });
    await migrate(lab, await planAndPrepare(lab, { to }));
    await lab.targetDatabase.query(
      `update fairlead.late_mark set position = jsonb_set(position, '{id}', '"1"')`,
    );
    expect(await look(lab)).toMatchObject({
      cells: { source: 27, matched: 27, missing: 0, quarantined: 1 },
    });
  });

  it.each([
    [
      'a view',
      `alter table ${TABLE} rename to t; create view ${TABLE} as select * from tenant.t`,
      'is a view',
    ],
    ['a table without an index', `vacuum`, 'no index on id'],
    [
      'ids in steps',
      `${ID_INDEX}; alter sequence ${TABLE}_id_seq cache 20`,
      'does not grow with time',
    ],
    [
      'an index that is not whole',
      `create index on ${TABLE} (id) where ship_id <> ''`,
      'no index on id',
    ],
    ['a hash index', `create index on ${TABLE} using hash (id)`, 'no index on id'],
  ])('cannot be looked for in %s', async (_, sql, reason) => {
    await using lab = await migrationLab({ major });
    if (sql !== 'vacuum') await lab.sourceDatabase.query(sql);
    await fill(lab);
    if (!reason.includes('view')) await lab.sourceDatabase.query(`vacuum ${TABLE}`);
    await migrate(lab, await planAndPrepare(lab, { to }));
    await expect(look(lab)).rejects.toMatchObject({
      code: 'late-not-findable',
      message: expect.stringContaining(reason),
      hint: expect.stringContaining(`fairlead verify ${SHIP}`),
    });
  });

  it('cannot be told of chunks that were proven before a position was noted', async () => {
    await using lab = await migrationLab({ major });
    const plan = await migrated(lab, ID_INDEX);
    await lab.targetDatabase.query('delete from fairlead.late_mark');
    await expect(look(lab)).rejects.toMatchObject({ code: 'late-not-findable' });
    await planAndPrepare(lab, { to: day('14:00') });
    expect(await look(lab)).toMatchObject({ cells: { missing: 0 }, uncovered: plan.chunks });
  });

  it('cannot be told once the source is another server', async () => {
    await using lab = await migrationLab({ major });
    await migrated(lab, ID_INDEX);
    await lab.targetDatabase.query(
      `update fairlead.late_mark set position = jsonb_set(position, '{server}', '"other/1/1"')`,
    );
    await expect(look(lab)).rejects.toMatchObject({
      message: expect.stringContaining('restored or failed over'),
    });
    await planAndPrepare(lab, { to });
    expect(await look(lab)).toMatchObject({ uncovered: 5 });
    await coverAll(lab.target, SHIP);
    expect(await look(lab)).toMatchObject({ uncovered: 0 });
  });

  it('reads what is new, and not the table', async () => {
    await using lab = await migrationLab({ major });
    const { sourceDatabase: database } = lab;
    await database.query(
      `alter table ${TABLE} set (fillfactor = 10); ${ID_INDEX};
       insert into ${TABLE} (ship_id, data_channel_id, created_time, value_format, double_v)
       select '${SHIP}', '/a/' || n % 100, timestamp '2025-06-14' + n / 100 * interval '15 s', 'Decimal', n
         from generate_series(0, 119999) as n`,
    );
    await planAndPrepare(lab, { to });
    await database.query(
      `insert into fairlead.chunk (ship_id, from_time, to_time, status, attempts, seconds, committed_at)
       values ('${SHIP}', '2025-06-15', '2025-06-15 12:00', 'done', 1, 0, clock_timestamp())`,
    );
    await insertCells(lab, [cell('Decimal', '/a', day('03:15:00'), 1)]);
    const byId = await pagesRead(database, () => look(lab));
    expect(byId.result).toMatchObject({ by: 'id', cells: { missing: 1 } });
    // The stamp of the last block is asked line by line: 291 looks at one page.
    expect(byId.heap).toBeLessThan(291 + 20);
    if (major === 13) return;
    await database.query(`drop index ${TABLE}_id_idx`);
    const byBlocks = await pagesRead(database, () => look(lab));
    expect(byBlocks.result).toMatchObject({ by: 'blocks', cells: { missing: 1 } });
    expect(byBlocks.blocks).toBeGreaterThan(OVERLAP_BLOCKS + 2_000);
    expect(byBlocks.heap).toBeLessThan(OVERLAP_BLOCKS + 2 * 291 + 100);
  });
});

describe('late cells in the blocks that were added', () => {
  it('are found on PostgreSQL 18 in a table that was only appended to', async () => {
    await using lab = await migrationLab();
    await migrated(lab);
    await late(lab);
    const found = await look(lab);
    expect(found).toMatchObject({ by: 'blocks', ...FOUND });
    expect(namesOf(found)).toEqual(NAMES);
  });

  it('are not looked for on PostgreSQL 13', async () => {
    await using lab = await migrationLab({ major: 13 });
    await migrated(lab);
    await expect(look(lab)).rejects.toMatchObject({
      message: expect.stringContaining('PostgreSQL 13 has no TID range scan'),
      hint: expect.stringContaining(
        `create index concurrently on tenant.tbl_data_timeseries (id);`,
      ),
    });
  });

  it.each([
    ['deleted', `delete from ${TABLE} where created_time = '2025-06-15 02:00'`, 'n_tup_del > 0'],
    [
      'updated',
      `update ${TABLE} set double_v = 9 where created_time = '2025-06-15 02:00'`,
      'n_tup_upd > 0',
    ],
    ['rewritten', `vacuum full ${TABLE}`, 'true'],
    ['vacuumed', `vacuum ${TABLE}`, 'true'],
  ])('are not looked for once rows were %s', async (what, sql, known) => {
    await using lab = await migrationLab();
    await migrated(lab);
    await lab.sourceDatabase.query(sql);
    await statisticsTell(lab.sourceDatabase, known);
    await expect(look(lab)).rejects.toMatchObject({
      code: 'late-not-findable',
      message: expect.stringMatching(new RegExp(`${what} (since|once)`)),
    });
  });
});

describe('a migration', () => {
  it('copies at its end what came late while it ran, and what came to chunks that it found proven', async () => {
    await using lab = await migrationLab();
    await migrated(lab, ID_INDEX, { to: day('06:00') });
    await insertCells(lab, [cell('Decimal', '/a', day('03:15:00'), 1)]);
    const plan = await planAndPrepare(lab, { to });
    const sweeps = await migrate(lab, plan, async (sweep) => {
      if (sweep > 1) return;
      await insertCells(lab, [
        cell('Decimal', '/a', day(`07:1${sweep}:00`), sweep),
        cell('Decimal', '/a', day(`13:1${sweep}:00`), sweep),
      ]);
    });
    expect(sweeps).toBe(3);
    expect(await wideCells(lab)).toEqual(
      await narrowCells(lab, SHIP, `created_time < '2025-06-15 12:00'`),
    );
  });

  it('ends, behind a ship that keeps sending old data', async () => {
    await using lab = await migrationLab();
    await lab.sourceDatabase.query(ID_INDEX);
    await fill(lab);
    const plan = await planAndPrepare(lab, { to });
    const sweeps = await migrate(lab, plan, (sweep) =>
      insertCells(lab, [
        cell('Decimal', '/a', day(`03:00:${String(sweep + 1).padStart(2, '0')}`), 1),
      ]),
    );
    expect(sweeps).toBe(11);
    expect(await look(lab)).toMatchObject({ cells: { missing: 1 } });
  });

  it('does not read again what it has made open already', async () => {
    await using lab = await migrationLab();
    await migrated(lab, ID_INDEX);
    await late(lab);
    const plan = await planAndPrepare(lab, { to });
    const position = async () =>
      (await lab.targetDatabase.query(`select position->>'id' as id from fairlead.late_mark`)).rows;
    const before = await position();
    await planChunksAndLate(lab, { plan, cursor: plan.from }, 3_600_000);
    expect(await position()).not.toEqual(before);
    await migrate(lab, plan);
    expect(await look(lab)).toMatchObject({ cells: { source: 0, missing: 0 }, chunks: [] });
  });

  it('goes on without a look that takes too long, and says so', async () => {
    await using lab = await migrationLab();
    const plan = await migrated(lab, ID_INDEX);
    await late(lab);
    await planChunksAndLate(lab, { plan, cursor: plan.from }, 0);
    expect(await sayOfLate(lab, plan)).toEqual([
      expect.stringContaining(`fairlead verify ${SHIP} --late has no such limit`),
    ]);
  });

  it('copies a chunk that was wholly proven by --redo again only once', async () => {
    await using lab = await migrationLab();
    await migrated(lab, ID_INDEX);
    const plan = await planAndPrepare(lab, { to, redo: true });
    expect(await migrate(lab, plan)).toBe(1);
    await expect(copy(lab, plan)).resolves.toMatchObject({ provenBefore: true });
  });
});
