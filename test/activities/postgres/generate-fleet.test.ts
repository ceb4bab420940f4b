import { describe, expect, it } from 'vitest';
import { generateFleet, type FleetRequest } from '../../../activities/postgres/generate-fleet.ts';
import { fillOwnTable } from '../../../activities/postgres/narrow-table.ts';
import { parseInstant } from '../../../domain/time.ts';
import { freshDatabase, type TestDatabase } from '../../database.ts';

const table = { schema: 'tenant', name: 'tbl_data_timeseries' };
const channels = Array.from({ length: 100 }, (_, index) => `/test/channel/${index}`);
const request: FleetRequest = {
  ships: 2,
  hours: 1,
  fromUs: parseInstant('2025-06-15T00:00Z'),
  seed: 1,
  channels,
};
const SHIP_CELLS = 240 * 100;

async function generate(database: TestDatabase, changes: Partial<FleetRequest> = {}) {
  const client = await database.pool.connect();
  try {
    await client.query('begin');
    const result = await fillOwnTable(client, table, (freeze) =>
      generateFleet(client, table, { ...request, ...changes, freeze }),
    );
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const fingerprint = `select md5(string_agg(concat_ws('|', ship_id, data_channel_id, created_time,
  server_created_time, value_format, bool_v, str_v, long_v, double_v), ',' order by
  ship_id, data_channel_id, created_time)) as md5, count(*)::int as cells from tenant.tbl_data_timeseries`;

describe('a made-up fleet', () => {
  it('has every channel of every ship on a grid of 15 s, and all its indexes', async () => {
    await using database = await freshDatabase();
    const result = await generate(database);
    expect(result).toMatchObject({ cells: 2 * SHIP_CELLS, generated: 2 * SHIP_CELLS });
    const { rows } = await database.query(
      `select ship_id, count(*)::int as cells, count(distinct created_time)::int as instants,
         min(created_time)::text as first, max(created_time)::text as last,
         min(server_created_time)::text as arrived, count(distinct id)::int as ids
       from tenant.tbl_data_timeseries group by 1 order by 1`,
    );
    const times = {
      first: '2025-06-15 00:00:00',
      last: '2025-06-15 00:59:45',
      arrived: '2025-06-15 00:01:01',
    };
    expect(rows).toEqual(
      ['IMO9976903', 'IMO9976915'].map((ship_id) => ({
        ship_id,
        cells: SHIP_CELLS,
        ids: SHIP_CELLS,
        instants: 240,
        ...times,
      })),
    );
    const indexes = await database.query(
      `select indexname from pg_indexes where tablename = 'tbl_data_timeseries' order by 1`,
    );
    expect(indexes.rows.map(({ indexname }) => indexname as string)).toEqual([
      'data_timeseries_pk',
      'tbl_data_timeseries_created_time_idx',
      'tbl_data_timeseries_id_idx',
    ]);
  });

  it('has values in the column of their format, and a few cells without any', async () => {
    await using database = await freshDatabase();
    await generate(database);
    const { rows } = await database.query(
      `select value_format as format, count(distinct data_channel_id)::int as channels,
         bool_or(num_nonnulls(bool_v, str_v, long_v, double_v) > 1) as two,
         bool_or(case value_format when 'Decimal' then num_nonnulls(bool_v, str_v, long_v)
           when 'Integer' then num_nonnulls(bool_v, str_v, double_v)
           when 'Boolean' then num_nonnulls(double_v, str_v, long_v)
           else num_nonnulls(bool_v, double_v, long_v) end > 0) as misplaced
       from tenant.tbl_data_timeseries group by 1 order by 1`,
    );
    const sound = { two: false, misplaced: false };
    expect(rows).toEqual([
      { format: 'Boolean', channels: 2, ...sound },
      { format: 'Decimal', channels: 88, ...sound },
      { format: 'Integer', channels: 8, ...sound },
      { format: 'String', channels: 2, ...sound },
    ]);
    const nulls = await database.query<{ share: number }>(
      `select avg((num_nonnulls(bool_v, str_v, long_v, double_v) = 0)::int)::float8 as share
       from tenant.tbl_data_timeseries`,
    );
    expect(nulls.rows[0]?.share).toBeGreaterThan(0.001);
    expect(nulls.rows[0]?.share).toBeLessThan(0.003);
  });

  it('lies on disk minute after minute, ships interleaved', async () => {
    await using database = await freshDatabase();
    await generate(database);
    const { rows } = await database.query(
      `select ship_id, date_trunc('minute', created_time)::text as minute, count(*)::int as cells,
         min(id)::int as first, max(id)::int as last
       from tenant.tbl_data_timeseries group by 1, 2 order by 4 limit 3`,
    );
    const [a, b, c] = ['IMO9976903', 'IMO9976915', 'IMO9976903'];
    expect(rows).toEqual([
      { ship_id: a, minute: '2025-06-15 00:00:00', cells: 400, first: 1, last: 400 },
      { ship_id: b, minute: '2025-06-15 00:00:00', cells: 400, first: 401, last: 800 },
      { ship_id: c, minute: '2025-06-15 00:01:00', cells: 400, first: 801, last: 1_200 },
    ]);
  });

  it('is the same for the same seed, in one go or in two, and finds itself again', async () => {
    await using whole = await freshDatabase();
    await using parts = await freshDatabase({ major: 13 });
    await generate(whole, { hours: 2 });
    expect(await generate(parts, { hours: 1, ships: 1 })).toMatchObject({ generated: SHIP_CELLS });
    expect(await generate(parts, { hours: 2 })).toMatchObject({
      cells: 4 * SHIP_CELLS,
      generated: 3 * SHIP_CELLS,
    });
    expect((await parts.query(fingerprint)).rows).toEqual((await whole.query(fingerprint)).rows);
    expect(await generate(parts, { hours: 2 })).toMatchObject({ generated: 0 });
  });

  it('refuses to mix with other data', async () => {
    await using database = await freshDatabase();
    await generate(database, { ships: 1 });
    await expect(generate(database, { ships: 1, seed: 2 })).rejects.toMatchObject({
      code: 'import-invalid',
      message: expect.stringContaining('holds other data there'),
    });
    await database.query(
      `delete from tenant.tbl_data_timeseries where created_time = '2025-06-15T00:30'`,
    );
    await expect(generate(database, { ships: 1 })).rejects.toThrow(
      '23900 cells, expected none or 24000',
    );
  });

  it('is made longer where it was cut off', async () => {
    await using whole = await freshDatabase();
    await using longer = await freshDatabase();
    await generate(whole, { hours: 1.25 });
    await generate(longer, { hours: 0.125, ships: 1 });
    expect(await generate(longer, { hours: 1.25 })).toMatchObject({ generated: 57_000 });
    expect((await longer.query(fingerprint)).rows).toEqual((await whole.query(fingerprint)).rows);
  });
});
