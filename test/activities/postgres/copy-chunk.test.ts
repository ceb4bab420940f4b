import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import copyStreams from 'pg-copy-streams';
import { describe, expect, it } from 'vitest';
import {
  MAJORS,
  SHIP,
  TO,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quarantined,
  second,
  wideCells,
  wideInstants,
  type MigrationLab,
  type NarrowCell,
} from '../../migration-databases.ts';

const places = MAJORS.flatMap((major) => [
  { major, separate: false },
  { major, separate: true },
]);

/** Makes the table one without its key, as some ships' databases are. */
async function dropKey(lab: MigrationLab): Promise<void> {
  await lab.sourceDatabase.query(
    'alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk',
  );
}

/** Puts eight bytes into a Decimal cell that SQL's text cannot spell. */
async function insertDouble(lab: MigrationLab, channel: string, at: string, hex: string) {
  const field = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const instant = Buffer.alloc(8);
  instant.writeBigInt64BE(BigInt(Date.parse(at) - Date.parse('2000-01-01T00:00Z')) * 1_000n);
  const texts = [SHIP, channel, 'Decimal'].map((text) => field(Buffer.from(text)));
  const tuple = Buffer.concat([
    Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1'),
    Buffer.from([0, 5]),
    ...texts,
    field(instant),
    field(Buffer.from(hex, 'hex')),
    Buffer.from([0xff, 0xff]),
  ]);
  const client = await lab.sourceDatabase.pool.connect();
  const statement = `copy tenant.tbl_data_timeseries (ship_id, data_channel_id, value_format, created_time, double_v)
    from stdin (format binary)`;
  await pipeline(Readable.from([tuple]), client.query(copyStreams.from(statement)));
  client.release();
}

const EVERY_VALUE: NarrowCell[] = [
  ...['NaN', 'Infinity', '-Infinity', '-0', '0', '5e-324', '1.7976931348623157e308', '0.1'].map(
    (value, row) => cell('Decimal', '/decimal', second(row), value),
  ),
  ...[
    '9223372036854775807',
    '-9223372036854775808',
    '9007199254740993',
    '-9007199254740993',
    '0',
    '-1',
  ].map((value, row) => cell('Integer', '/integer', second(row), value)),
  ...[true, false].map((value, row) => cell('Boolean', '/boolean', second(row), value)),
  ...[
    '',
    ' ',
    'ASCII',
    'Grüße, 船, 🚢, e\u0301, \u{10ffff}',
    '"quoted", \\N \\. \t\r\n',
    'NULL',
    'x'.repeat(100_000),
    Array.from({ length: 20_000 }, (_, index) => (index * 7919).toString(36)).join(' '),
  ].map((value, row) => cell('String', '/string', second(row), value)),
  cell('DateTime', '/datetime', second(0), '2025-06-15T02:00:00.123456789+02:00'),
  cell('DateTime', '/datetime', second(1), 'not a time'),
];

describe.each(places)('a chunk on PostgreSQL $major, in two databases: $separate', (place) => {
  it('has values of every format, bit for bit', async () => {
    await using lab = await migrationLab(place);
    await insertCells(lab, EVERY_VALUE);
    await insertDouble(lab, '/decimal', second(20), '7ff8000000c0ffee');
    await insertDouble(lab, '/decimal', second(21), 'fff0000000000001');
    const proof = await copy(lab, await planAndPrepare(lab));
    const written = EVERY_VALUE.length + 2;
    expect(proof).toMatchObject({
      status: 'done',
      cells: { read: written, written, nulls: 0, quarantined: 0 },
      provenBefore: false,
    });
    const wide = await wideCells(lab);
    expect(wide).toEqual(await narrowCells(lab));
    expect(wide.join()).toContain('7ff8000000c0ffee');
    const types = await lab.targetDatabase.query(
      `select column_name as column, data_type as type from information_schema.columns
        where table_name = $1 order by 1`,
      [WIDE.slice('tenant.'.length)],
    );
    expect(types.rows).toEqual([
      { column: '/boolean', type: 'boolean' },
      { column: '/datetime', type: 'text' },
      { column: '/decimal', type: 'double precision' },
      { column: '/integer', type: 'bigint' },
      { column: '/string', type: 'text' },
      { column: 'created_time', type: 'timestamp without time zone' },
    ]);
  });
});

describe.each(MAJORS)('a chunk on PostgreSQL %i', (major) => {
  it('counts NULL cells, and keeps a row for an instant that has nothing else', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/b', second(0), null),
      cell('Decimal', '/a', second(15), null),
      cell('Boolean', '/only-nulls', second(30), null),
    ]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof).toMatchObject({
      cells: { read: 4, written: 1, nulls: 3, quarantined: 0 },
      instants: 3,
    });
    expect(await wideInstants(lab)).toEqual([
      '2025-06-15 02:00:00',
      '2025-06-15 02:00:15',
      '2025-06-15 02:00:30',
    ]);
  });

  it('books a NULL cell once, whatever its format, also in a channel with odd cells', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      { channel: '/odd', at: second(0), format: null },
      { channel: '/odd', at: second(1), format: 'Quantity' },
      { channel: '/odd', at: second(2), format: 'Decimal', long: 1 },
      { channel: '/odd', at: second(3), format: 'Decimal', double: 1 },
      { channel: '/odd', at: second(4), format: 'Decimal' },
      { channel: '/plain', at: second(0), format: null },
      { channel: '/plain', at: second(1), format: 'Decimal', double: 1 },
      { channel: '/nothing', at: second(0), format: null },
    ]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toEqual({ read: 8, written: 2, nulls: 5, quarantined: 1 });
  });

  it('puts what cannot be written into quarantine, with the raw value and the reason', async () => {
    await using lab = await migrationLab({ major });
    const raw = 'ünreadable '.repeat(1_000);
    await insertCells(lab, [
      ...[0, 1, 2, 3].map((row) => cell('Decimal', '/a', second(row), row)),
      { channel: '/a', at: second(10), format: 'Decimal', long: '9007199254740993' },
      { channel: '/a', at: second(11), format: 'Decimal', double: -0, bool: true },
      { channel: '/a', at: second(12), format: 'Quantity', double: 'NaN' },
      { channel: '/a', at: second(13), format: null, double: 0.1 },
      { channel: '/a', at: second(14), format: 'String', text: raw },
      { channel: '/never-known', at: second(15), format: 'Quantity', text: '' },
    ]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toEqual({ read: 10, written: 4, nulls: 0, quarantined: 6 });
    const { rows } = await lab.targetDatabase.query(
      `select data_channel_id as channel, reason, value_format as format, double_v::text as double, long_v::text as long,
              bool_v as bool, str_v as text, ship_id as ship
         from fairlead.quarantine order by created_time`,
    );
    const kept = { ship: SHIP, channel: '/a', double: null, long: null, bool: null, text: null };
    expect(rows).toEqual([
      { ...kept, reason: 'wrong-column', format: 'Decimal', long: '9007199254740993' },
      { ...kept, reason: 'two-values', format: 'Decimal', double: '-0', bool: true },
      { ...kept, reason: 'unknown-format', format: 'Quantity', double: 'NaN' },
      { ...kept, reason: 'missing-format', format: null, double: '0.1' },
      { ...kept, reason: 'other-type', format: 'String', text: raw },
      { ...kept, channel: '/never-known', reason: 'unknown-format', format: 'Quantity', text: '' },
    ]);
  });

  it('widens an Integer of a Decimal channel where that is exact', async () => {
    await using lab = await migrationLab({ major });
    const exact = ['0', '-1', '9007199254740992', '-9007199254740994', '-9223372036854775808'];
    const notExact = ['9007199254740993', '9223372036854775807', '-9007199254740993'];
    await insertCells(lab, [
      cell('Decimal', '/mixed', second(0), 1.5),
      ...[...exact, ...notExact].map((value, row) =>
        cell('Integer', '/mixed', second(15 * (row + 1)), value),
      ),
    ]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toEqual({ read: 9, written: 6, nulls: 0, quarantined: 3 });
    const { rows } = await lab.targetDatabase.query<{ value: string }>(
      `select "/mixed"::text as value from ${WIDE} order by created_time`,
    );
    expect(rows.map(({ value }) => Number(value))).toEqual([1.5, ...exact.map(Number)]);
    expect(await quarantined(lab)).toEqual(notExact.map(() => '/mixed not-exact'));
  });

  it('takes a Decimal into an Integer channel only where nothing of it is lost', async () => {
    await using lab = await migrationLab({
      major,
      channelTypes: new Map([['/count', 'bigint']]),
    });
    const exact = ['0', '-7', '4611686018427387904', '-9223372036854775808'];
    const notExact = ['-0', '1.5', 'NaN', 'Infinity', '9223372036854775808', '1e300'];
    await insertCells(
      lab,
      [...exact, ...notExact].map((value, row) => cell('Decimal', '/count', second(row), value)),
    );
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toMatchObject({ written: exact.length, quarantined: notExact.length });
    const { rows } = await lab.targetDatabase.query<{ value: string }>(
      `select "/count"::text as value from ${WIDE} order by created_time`,
    );
    expect(rows.map(({ value }) => value)).toEqual(exact);
    expect(await quarantined(lab)).toEqual(notExact.map(() => '/count not-exact'));
  });

  it('settles cells that stand twice: equal ones once, different ones not at all', async () => {
    await using lab = await migrationLab({ major });
    await dropKey(lab);
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', second(15), 1),
      cell('Decimal', '/a', second(15), 2),
      cell('Decimal', '/a', second(30), 0),
      cell('Decimal', '/a', second(30), -0),
      cell('Decimal', '/a', second(45), 5),
      cell('Decimal', '/a', second(45), null),
      cell('String', '/text', second(0), 'a'),
      cell('String', '/text', second(0), 'ab'),
    ]);
    const plan = await planAndPrepare(lab);
    const proof = await copy(lab, plan);
    expect(proof.cells).toEqual({ read: 11, written: 2, nulls: 1, quarantined: 8 });
    expect(await quarantined(lab)).toEqual([
      ...Array.from({ length: 4 }, () => '/a conflict'),
      ...Array.from({ length: 2 }, () => '/a duplicate'),
      ...Array.from({ length: 2 }, () => '/text conflict'),
    ]);
    const again = await copy(lab, { ...(await planAndPrepare(lab, { redo: true })) });
    expect(again).toMatchObject({ cells: proof.cells, checksum: proof.checksum });
  });

  it('is copied from a table without any index', async () => {
    await using lab = await migrationLab({ major });
    await dropKey(lab);
    await lab.sourceDatabase.query('drop index tenant.tbl_data_timeseries_created_time_idx');
    await insertCells(lab, EVERY_VALUE);
    await insertCells(lab, [cell('Decimal', '/other', second(0), 1, 'IMO9976915')]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toMatchObject({ read: EVERY_VALUE.length, written: EVERY_VALUE.length });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('has its first instant, not its last, to the microsecond, and only its ship', async () => {
    await using lab = await migrationLab({ major });
    const at = (time: string) => `2025-06-15T${time}Z`;
    await insertCells(lab, [
      cell('Integer', '/a', at('01:59:59.999999'), 1),
      cell('Integer', '/a', at('02:00:00'), 2),
      cell('Integer', '/a', at('02:00:00.000001'), 3),
      cell('Integer', '/a', at('03:59:59.999999'), 4),
      cell('Integer', '/a', at('04:00:00'), 5),
      cell('Integer', '/a', at('03:00:00'), 6, 'IMO9976915'),
    ]);
    const plan = await planAndPrepare(lab);
    expect(await copy(lab, plan)).toMatchObject({ cells: { read: 3, written: 3 }, instants: 3 });
    expect(await wideInstants(lab)).toEqual([
      '2025-06-15 02:00:00',
      '2025-06-15 02:00:00.000001',
      '2025-06-15 03:59:59.999999',
    ]);
    await copy(lab, plan, { from: at('00:00'), to: at('02:00') });
    await copy(lab, plan, { from: TO, to: at('04:00:00.000001') });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('may lie before 2000, and before 1970', async () => {
    await using lab = await migrationLab({ major });
    const days = ['1950-03-01', '1969-12-31', '1999-12-31'];
    await insertCells(
      lab,
      days.flatMap((day) => [
        cell('Decimal', '/a', `${day}T23:59:59.999999Z`, 1),
        cell('String', '/b', `${day}T22:00:00Z`, day),
      ]),
    );
    const plan = await planAndPrepare(lab);
    expect(plan.from).toBe('1950-03-01T22:00:00.000Z');
    for (const day of days) {
      const to = new Date(Date.parse(day) + 86_400_000).toISOString();
      await copy(lab, plan, { from: `${day}T22:00:00Z`, to });
    }
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('is put in order when its rows lie on disk in any', async () => {
    await using lab = await migrationLab({ major });
    const rows = Array.from({ length: 200 }, (_, row) => (row * 67) % 200);
    await insertCells(
      lab,
      rows.flatMap((row) => [
        cell('Decimal', '/a', second(row), row),
        cell('String', '/b', second(199 - row), `text ${row}`),
        cell('Integer', '/c', second(row / 4), row % 3 ? row : null),
      ]),
    );
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof.cells).toMatchObject({ read: 600, quarantined: 0 });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('gives a channel that the plan did not know its column, and copies it', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', '2025-06-15T00:00Z', 1),
    ]);
    const plan = await planAndPrepare(lab, { to: TO });
    await copy(lab, plan, { from: '2025-06-15T00:00Z', to: '2025-06-15T02:00Z' });
    await insertCells(lab, [
      cell('Decimal', '/late', second(0), 2),
      cell('String', '/late/text', second(0), 'two'),
      cell('Boolean', '/late/null', second(0), null),
      { channel: '/late/unknown', at: second(0), format: 'Quantity', double: 1 },
    ]);
    const proof = await copy(lab, plan);
    expect(proof.cells).toEqual({ read: 5, written: 3, nulls: 1, quarantined: 1 });
    const { rows } = await lab.targetDatabase.query(
      `select "/a", "/late", "/late/text", "/late/null" from ${WIDE} order by created_time`,
    );
    expect(rows).toEqual([
      { '/a': 1, '/late': null, '/late/text': null, '/late/null': null },
      { '/a': 1, '/late': 2, '/late/text': 'two', '/late/null': null },
    ]);
  });

  it('writes what a late channel holds, however few of its cells bear a format', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    const plan = await planAndPrepare(lab);
    await insertCells(lab, [
      ...Array.from({ length: 100 }, (_, row) => ({
        channel: '/late',
        at: second(72 * row),
        format: null,
      })),
      cell('Decimal', '/late', second(30), 0.5),
      cell('Integer', '/late', second(40), 7),
    ]);
    const proof = await copy(lab, plan);
    expect(proof.cells).toEqual({ read: 103, written: 3, nulls: 100, quarantined: 0 });
  });

  it('without a cell is empty, and says so', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', TO, 1)]);
    const proof = await copy(lab, await planAndPrepare(lab));
    expect(proof).toMatchObject({
      status: 'empty',
      cells: { read: 0, written: 0, nulls: 0, quarantined: 0 },
      checksum: '0000000000000000',
    });
  });
});
