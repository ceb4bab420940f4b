import { describe, expect, it } from 'vitest';
import { withConnection } from '../../../activities/postgres/connection.ts';
import { layoutOf } from '../../../activities/postgres/layout-of.ts';
import { planShip } from '../../../activities/postgres/plan-ship.ts';
import { extendTarget } from '../../../activities/postgres/wide-table.ts';
import type { FairleadError } from '../../../domain/errors.ts';
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
  requestFor,
  second,
  waitForLock,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

const LONG = `/hs4sd_v1/${'very-long/'.repeat(8)}`;
const HOSTILE_CHANNELS = [
  'created_time',
  'ctid',
  'tableoid',
  'xmin',
  '',
  ' ',
  '"',
  '""',
  "'",
  "'; drop table tenant.tbl_data_timeseries; --",
  '\\',
  '$1',
  '$$',
  '{ship}',
  'UPPER',
  'upper',
  'select',
  'line\nbreak',
  'tab\there',
  '船/温度',
  '😀'.repeat(15),
  'é',
  'e\u0301',
  `${LONG}/a`,
  `${LONG}/b`,
  'x'.repeat(63),
  'x'.repeat(64),
  '船'.repeat(22),
  '%I %s',
];
const HOSTILE_SHIPS = [
  "o'hara",
  'a"b',
  'a b',
  'a.b',
  'a\\b',
  '; drop schema tenant cascade; --',
  'Ærøskøbing-船',
  '$&{group}{ship}',
  '%',
  '*/ --',
];

describe.each(MAJORS)('names on PostgreSQL %i', (major) => {
  it('of channels may be anything', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(
      lab,
      HOSTILE_CHANNELS.flatMap((channel, index) => [
        cell('Decimal', channel, second(0), index),
        { channel, at: second(1), format: null, text: channel },
      ]),
    );
    const count = HOSTILE_CHANNELS.length;
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toEqual({ read: 2 * count, written: count, nulls: 0, quarantined: count });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab, SHIP, 'value_format is not null'));
    const again = await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(again).toMatchObject({ checksum: proof.checksum, foreign: 0 });
  });

  it('of channels stand as they are, and over 63 bytes as a short one that stays the same', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a/b//c', second(0), 1),
      cell('Decimal', `${LONG}/a`, second(0), 1),
    ]);
    await planAndPrepare(lab);
    const { rows } = await lab.targetDatabase.query<{ name: string }>(
      `select column_name as name from fairlead.channel_map order by data_channel_id`,
    );
    expect(rows[0]).toEqual({ name: '/a/b//c' });
    expect(rows[1]?.name).toMatch(/^\/hs4sd_v1\/(very-long\/)+very~[0-9a-f]{8}$/);
  });

  it('of ships may be anything', async () => {
    await using lab = await migrationLab({ major });
    for (const ship of HOSTILE_SHIPS) {
      await insertCells(lab, [
        cell('Decimal', '/a', second(0), 1, ship),
        { ship, channel: '/a', at: second(1), format: null, double: 1 },
      ]);
    }
    for (const ship of HOSTILE_SHIPS) {
      const plan = await planAndPrepare(lab, { ship });
      const proof = await copy(lab, plan);
      expect(proof.cells, ship).toEqual({ read: 2, written: 1, nulls: 0, quarantined: 1 });
      expect(await wideCells(lab, ship)).toEqual(
        await narrowCells(lab, ship, 'value_format is not null'),
      );
    }
    const { rows } = await lab.targetDatabase.query<{ tables: number }>(
      'select count(distinct table_name)::int as tables from fairlead.channel_map',
    );
    expect(rows[0]?.tables).toBe(HOSTILE_SHIPS.length);
  });

  it('of tables that PostgreSQL would cut are refused', async () => {
    await using lab = await migrationLab({ major });
    const ship = `vessel-${'x'.repeat(40)}`;
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1, ship)]);
    await expect(planAndPrepare(lab, { ship })).rejects.toMatchObject({
      code: 'config-invalid',
      message: expect.stringContaining('bytes, PostgreSQL keeps 63'),
    });
  });
});

describe.each(MAJORS)('a table that is there already, on PostgreSQL %i,', (major) => {
  const insertAll = (lab: MigrationLab) =>
    insertCells(lab, [
      cell('Decimal', '/decimal', second(0), 0.1),
      cell('Integer', '/integer', second(0), 7),
      cell('Boolean', '/boolean', second(0), true),
      cell('String', '/string', second(0), 'seven'),
    ]);
  const refusal = async (lab: MigrationLab): Promise<FairleadError> => {
    const error = await planShip(lab, requestFor()).then(
      () => undefined,
      (reason: unknown) => reason as FairleadError,
    );
    expect(error).toMatchObject({ code: 'target-differs', kind: 'operator' });
    return error!;
  };
  const statementsOf = ({ hint }: FairleadError): string => hint!.slice(hint!.indexOf('\n') + 1);
  const columns = ['/decimal', '/integer', '/boolean', '/string'];

  it.each([
    ['double precision', 'timestamp primary key', `(0.25, 8, 1, 9.5)`, 3],
    ['text', 'timestamp primary key', `('0.25', '8', 'true', '9.5')`, 3],
    ['double precision', 'timestamp', `(0.25, 8, 0, 9.5)`, 3],
    ['double precision', 'timestamptz', `(0.25, 8, 1, 9.5)`, 3],
    ['text', 'text', `('0.25', '8', 'f', '9.5')`, 3],
  ])(
    'with every column %s and the instant %s, is refused until it is changed',
    async (type, instant, values, differences) => {
      await using lab = await migrationLab({ major });
      await insertAll(lab);
      const list = columns.map((column) => `"${column}"`);
      await lab.targetDatabase.query(`
      create table ${WIDE} (created_time ${instant}, ${list.map((column) => `${column} ${type}`).join(', ')});
      insert into ${WIDE} (created_time, ${list.join(', ')})
        select '2025-06-15 02:00:01', * from (values ${values}) as v`);
      const before = await describe_(lab);
      const error = await refusal(lab);
      expect(error.message).toContain(`${differences} columns`);
      expect(error.message).toContain('"/integer" is ' + type);
      expect(await describe_(lab)).toEqual(before);
      await lab.targetDatabase.query(statementsOf(error));
      const plan = await planAndPrepare(lab);
      expect(await copy(lab, plan)).toMatchObject({ cells: { written: 4 }, foreign: 4 });
      const { rows } = await lab.targetDatabase.query(
        `select created_time::text, ${list[0]}, ${list[1]}::int, ${list[3]} from ${WIDE} order by 1`,
      );
      expect(rows).toEqual([
        { created_time: '2025-06-15 02:00:00', '/decimal': 0.1, '/integer': 7, '/string': 'seven' },
        { created_time: '2025-06-15 02:00:01', '/decimal': 0.25, '/integer': 8, '/string': '9.5' },
      ]);
    },
  );

  it('with the right columns is used as it is, with what it lacks added', async () => {
    await using lab = await migrationLab({ major });
    await insertAll(lab);
    await lab.targetDatabase.query(
      `create table ${WIDE} (created_time timestamp primary key, "/decimal" double precision, "/theirs" text)`,
    );
    expect(await copy(lab, await planAndPrepare(lab))).toMatchObject({
      cells: { written: 4 },
      foreign: 0,
    });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('is refused as well when a late channel finds a column of another type there', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/decimal', second(0), 1)]);
    const plan = await planAndPrepare(lab);
    await insertCells(lab, [cell('Integer', '/integer', second(0), 1)]);
    await lab.targetDatabase.query(`alter table ${WIDE} add column "/integer" double precision`);
    await expect(copy(lab, plan)).rejects.toMatchObject({ code: 'target-differs' });
    expect(await wideCells(lab)).toEqual([]);
  });
});

/** The table's columns and indexes. */
async function describe_({ targetDatabase }: MigrationLab) {
  const { rows } = await targetDatabase.query(
    `select attname, atttypid::regtype::text, (select count(*) from pg_index where indrelid = attrelid)::int as indexes
       from pg_attribute where attrelid = to_regclass($1) and attnum > 0 order by attnum`,
    [WIDE],
  );
  return rows;
}

describe.each(MAJORS)('a late column on PostgreSQL %i', (major) => {
  it('waits for a stranger who holds the table, and comes when he is gone', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    const plan = await planAndPrepare(lab);
    await insertCells(lab, [cell('Decimal', '/late', second(0), 2)]);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query(`begin; lock table ${WIDE} in access share mode`);
    const copying = copy(lab, plan);
    await waitForLock(lab);
    await stranger.query('rollback');
    stranger.release();
    expect(await copying).toMatchObject({ cells: { written: 2 } });
  });

  it('gives up in the end, and names who holds the table; nobody queues behind it', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    await planAndPrepare(lab);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query(
      `set application_name = 'stranger'; begin; lock table ${WIDE} in access share mode`,
    );
    const extending = withConnection(lab.target, { name: 'fairlead/test' }, (client) =>
      extendTarget(client, SHIP, [{ channel: '/late', type: 'text' }], layoutOf(lab, SHIP), 300),
    );
    const refused = expect(extending).rejects.toMatchObject({
      code: 'database-busy',
      kind: 'transient',
      message: expect.stringMatching(
        /no lock on its wide tables for 0.3s, held by process \d+ \(.*, stranger, /,
      ),
    });
    await waitForLock(lab);
    const startedAt = Date.now();
    await lab.targetDatabase.query(`select from ${WIDE}`);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
    await refused;
    await stranger.query('rollback');
    stranger.release();
    const { rows } = await lab.targetDatabase.query(
      'select data_channel_id as channel from fairlead.channel_map',
    );
    expect(rows).toEqual([{ channel: '/a' }]);
  });

  it('that two chunks find at once is added once', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', '2025-06-15T04:00:00Z', 1),
    ]);
    const plan = await planAndPrepare(lab);
    await insertCells(
      lab,
      ['/late', '/later'].flatMap((channel) => [
        cell('Decimal', channel, second(0), 2),
        cell('Decimal', channel, '2025-06-15T04:00:00Z', 2),
      ]),
    );
    await Promise.all([
      copy(lab, plan),
      copy(lab, plan, { from: '2025-06-15T04:00:00Z', to: '2025-06-15T06:00:00Z' }),
    ]);
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });
});
