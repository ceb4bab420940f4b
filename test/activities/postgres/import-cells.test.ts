import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { importCells } from '../../../activities/postgres/import-cells.ts';
import { describeSource, narrowColumnNames } from '../../../activities/postgres/narrow-table.ts';
import { packageRoot } from '../../../workers/configuration/package-root.ts';
import { freshDatabase, type TestDatabase } from '../../database.ts';

const table = { schema: 'tenant', name: 'tbl_data_timeseries' };
const folder = mkdtempSync(join(tmpdir(), 'fairlead-import-'));
afterAll(() => rmSync(folder, { recursive: true }));

const HEADER = narrowColumnNames.join(',');
const ROW = 'IMO9074729,/a,2014-06-01 09:55:57.001,2014-06-01 09:56:01,Decimal,,,,6.11';

/** A file of its own per test; lines without their ends, bytes as they are. */
function fileWith(content: readonly string[] | Buffer): string {
  const file = join(folder, `${Math.random().toString(36).slice(2)}.csv`);
  writeFileSync(file, Buffer.isBuffer(content) ? content : `${content.join('\n')}\n`);
  return file;
}

async function importInto(database: TestDatabase, file: string) {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const source = await describeSource(client, table, ['select', 'insert']);
    const result = await importCells(client, source, file);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const countOf = async (database: TestDatabase): Promise<number> => {
  const { rows } = await database.query<{ count: number }>(
    'select count(*)::int from tenant.tbl_data_timeseries',
  );
  return rows[0]!.count;
};

async function refusal(database: TestDatabase, content: Parameters<typeof fileWith>[0]) {
  const file = fileWith(content);
  const error: unknown = await importInto(database, file).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'import-invalid' });
  expect(await countOf(database)).toBe(0);
  return (error as Error).message;
}

describe('a file', () => {
  it('of the real voyage is imported whole, and found again', async () => {
    await using database = await freshDatabase();
    const file = join(packageRoot, 'data', 'plaka.csv.gz');
    const whole = { rows: 210_133, ships: ['IMO9074729'] };
    const span = { from: '2014-06-01T09:55:57.001Z', to: '2014-06-01T14:03:24.004Z' };
    expect(await importInto(database, file)).toEqual({
      ...whole,
      ...span,
      imported: 210_133,
      alreadyThere: 0,
    });
    expect(await importInto(database, file)).toMatchObject({ imported: 0, alreadyThere: 210_133 });
    const { rows } = await database.query(
      `select value_format as format, count(*)::int as cells from tenant.tbl_data_timeseries
       where num_nonnulls(bool_v, str_v, long_v, double_v) = 1 group by 1 order by 1`,
    );
    expect(rows).toEqual([
      { format: 'Boolean', cells: 29_000 },
      { format: 'Decimal', cells: 115_913 },
      { format: 'Integer', cells: 21_720 },
      { format: 'String', cells: 43_500 },
    ]);
  });

  it('has its columns in any order, and each value arrives as it is', async () => {
    await using database = await freshDatabase({ major: 13 });
    const file = fileWith(
      gzipSync(
        [
          '\uFEFFid,value_format,double_v,long_v,str_v,bool_v,created_time,data_channel_id,ship_id',
          '1,Decimal,NaN,,,,2025-06-15 00:00:00.000001,/d,S',
          '2,Decimal,-Infinity,,,,2025-06-15T02:00:01+02:00,/d,S',
          '3,Decimal,-0.0,,,,2025-06-15 00:00:02,/d,S',
          '4,Integer,,-9223372036854775808,,,2025-06-15 00:00:00,/i,S',
          '5,String,,,"a ""b"", c\\\td\n€",,2025-06-15 00:00:00,/s,S',
          '6,String,,,"",,2025-06-15 00:00:01,/s,S',
          '7,Boolean,,,,true,2025-06-15 00:00:00,/b,S',
          '8,,,,,,2025-06-15 00:00:00,/n,S',
          '',
        ].join('\r\n'),
      ),
    );
    await importInto(database, file);
    const { rows } = await database.query(
      `select data_channel_id || ' ' || created_time as key, value_format as format,
         coalesce(bool_v::text, str_v, long_v::text, double_v::text) as value
       from tenant.tbl_data_timeseries order by data_channel_id, created_time`,
    );
    expect(rows.map(({ key, format, value }) => [key, format, value] as unknown)).toEqual([
      ['/b 2025-06-15 00:00:00', 'Boolean', 'true'],
      ['/d 2025-06-15 00:00:00.000001', 'Decimal', 'NaN'],
      ['/d 2025-06-15 00:00:01', 'Decimal', '-Infinity'],
      ['/d 2025-06-15 00:00:02', 'Decimal', '-0'],
      ['/i 2025-06-15 00:00:00', 'Integer', '-9223372036854775808'],
      ['/n 2025-06-15 00:00:00', null, null],
      ['/s 2025-06-15 00:00:00', 'String', 'a "b", c\\\td\n€'],
      ['/s 2025-06-15 00:00:01', 'String', ''],
    ]);
  });

  it('with bad rows is refused with each line and nothing is imported', async () => {
    await using database = await freshDatabase();
    const message = await refusal(database, [
      HEADER,
      ROW,
      'S,/a,2025-02-30 00:00:00,,Decimal,,,,1',
      ',/a,2025-06-15 00:00:00,,Decimal,,,,1',
      'S,,2025-06-15 00:00:00,,Decimal,,,,1',
      'S,"/two\nlines",2025-06-15 00:00:00,,Decimal,,,,x',
      'S,/a,2025-06-15 00:00:00,yesterday,Decimal,,,,1',
      'S,/a,2025-06-15 00:00:00,,Boolean,maybe,,,',
      'S,/a,2025-06-15 00:00:00,,Integer,,,9223372036854775808,',
      'S,/a,2025-06-15 00:00:00,,Decimal,,,,1e999',
      'S,/a,2025-06-15 00:00:00,,Decimal,,,,1,2',
      `S,/a,2025-06-15 00:00:00,,${'x'.repeat(51)},,,,1`,
      'S,/a,2025-06-15 00:00:00,,Decimal,,,',
    ]);
    expect(message.split('\n').slice(1)).toEqual([
      '  line 3: created_time "2025-02-30 00:00:00" is no time that the calendar has',
      '  line 4: ship_id is missing',
      '  line 5: data_channel_id is missing',
      '  line 6: double_v is "x", expected a number',
      expect.stringContaining('  line 8: server_created_time "yesterday" is no ISO 8601 time'),
      '  line 9: bool_v is "maybe", expected true or false',
      '  line 10: long_v is "9223372036854775808", which is beyond 64 bits',
      '  line 11: double_v is "1e999", which is beyond double precision',
      '  line 12: has 10 columns, expected 9',
      '  line 13: value_format has 51 characters, expected at most 50',
      '  line 14: has 8 columns, expected 9',
    ]);
    const many = await refusal(database, [HEADER, ...Array.from({ length: 25 }, () => 'x')]);
    expect(many).toMatch(/25 bad rows, none imported\n(.*\n){20} {2}and 5 more$/);
  });

  it.each<[string, readonly string[] | Buffer, string]>([
    ['is empty', Buffer.alloc(0), 'is empty'],
    ['is an empty gzip', gzipSync(''), 'is empty'],
    ['has no header', [ROW], 'line 1 is no header'],
    [
      'has a header with a slip',
      [HEADER.replace('ship_id', 'shipid'), ROW],
      'did you mean ship_id',
    ],
    ['is cut off within a line', Buffer.from(`${HEADER}\n${ROW}`), 'line 2 has no line end'],
    [
      'is cut off within quotes',
      [HEADER, ROW, 'S,/a,2025-06-15 00:00:00,,String,,"cut'],
      'ends inside quotes',
    ],
    [
      'is cut off within gzip',
      gzipSync(`${HEADER}\n${ROW}\n`).subarray(0, -9),
      'the gzip file was cut off',
    ],
    [
      'is not UTF-8',
      Buffer.from(`${HEADER}\n${ROW}\n${ROW.replace('/a', '/\u00d6l')}\n`, 'latin1'),
      'line 3 is not UTF-8',
    ],
    [
      'holds one key with two values',
      [HEADER, ROW, ROW.replace('6.11', '6.12')],
      'line 3: IMO9074729 /a 2014-06-01 09:55:57.001 is Decimal 6.12 here, and Decimal 6.11',
    ],
  ])('that %s is refused', async (_, content, message) => {
    await using database = await freshDatabase();
    expect(await refusal(database, content)).toContain(message);
  });

  it('that differs from the table changes nothing', async () => {
    await using database = await freshDatabase();
    await importInto(database, fileWith([HEADER, ROW]));
    const other = [HEADER, 'S,/new,2025-06-15 00:00:00,,Decimal,,,,1', ROW.replace('6.11', '6.12')];
    await expect(importInto(database, fileWith(other))).rejects.toThrow(
      'line 3: IMO9074729 /a 2014-06-01 09:55:57.001 is Decimal 6.12 here, and Decimal 6.11',
    );
    expect(await countOf(database)).toBe(1);
  });

  it('that is not there is named', async () => {
    await using database = await freshDatabase();
    await expect(importInto(database, join(folder, 'none.csv'))).rejects.toThrow('is not there');
    await expect(importInto(database, folder)).rejects.toThrow('is a folder');
  });

  it('of any length goes through little memory', async () => {
    await using database = await freshDatabase();
    const row = (index: number) =>
      `S,/a,${new Date(1_400_000_000_000 + index).toISOString()},,String,,${'x'.repeat(1_000)},,\n`;
    const rows = Array.from({ length: 60_000 }, (_, index) => row(index)).join('');
    const file = fileWith(gzipSync(`${HEADER}\n${rows}`, { level: 1 }));
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    expect(await importInto(database, file)).toMatchObject({ imported: 60_000 });
    clearInterval(timer);
    expect(most - before).toBeLessThan(150 * 1024 * 1024);
  });

  it('goes into a table without the key, and its rows are found again there', async () => {
    await using database = await freshDatabase();
    await database.query(
      'alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk',
    );
    const file = fileWith([HEADER, ROW, 'S,/null,2025-06-15 00:00:00,,Decimal,,,,']);
    expect(await importInto(database, file)).toMatchObject({ imported: 2 });
    expect(await importInto(database, file)).toMatchObject({ imported: 0, alreadyThere: 2 });
  });
});
