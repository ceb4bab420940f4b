import type { ClientBase } from 'pg';
import type { TableName } from '../../domain/table-name.ts';
import type { EpochUs } from '../../domain/time.ts';
import { parseInstant } from '../../domain/time.ts';
import { timestampText } from './ledger.ts';
import { quoteTable } from './narrow-table.ts';
import type { Span } from '../../domain/chunk-planning.ts';

/*
 * Index probes: each one descends the narrow table's primary key (ship, channel, time), so that its cost does not
 * grow with the table. `min(created_time)` by ship could walk the time index through all other ships' entries.
 */

/** The ships of the narrow table, one descent each. */
export const listShips = (client: ClientBase, table: TableName): Promise<string[]> =>
  listDistinct(client, table, 'ship_id', 'true', []);

/** The channels of a ship, one descent each. */
export const listChannels = (
  client: ClientBase,
  table: TableName,
  ship: string,
): Promise<string[]> => listDistinct(client, table, 'data_channel_id', 'ship_id = $1', [ship]);

async function listDistinct(
  client: ClientBase,
  table: TableName,
  column: string,
  condition: string,
  parameters: string[],
): Promise<string[]> {
  const text = (await hasProbeIndex(client, table))
    ? looseScan(table, column, condition)
    : `select distinct ${column} from ${quoteTable(table)} where ${condition} order by 1`;
  const { rows } = await client.query({ text, values: parameters, rowMode: 'array' });
  return rows.map(([value]) => value);
}

/** PostgreSQL has no skip scan before 18, so that `select distinct` would read the whole index. */
const looseScan = (table: TableName, column: string, condition: string): string => `
  with recursive found (value) as (
    (select ${column} from ${quoteTable(table)} where ${condition} order by ${column} limit 1)
    union all
    select (select ${column} from ${quoteTable(table)}
             where ${condition} and ${column} > found.value order by ${column} limit 1)
      from found where found.value is not null
  )
  select value from found where value is not null`;

/** Whether an index begins with (ship_id, data_channel_id), as the primary key does; a table without one is scanned. */
export async function hasProbeIndex(client: ClientBase, table: TableName): Promise<boolean> {
  const { rows } = await client.query(
    `select exists (
       select from pg_index i
        where i.indrelid = $1::regclass and i.indisvalid and i.indpred is null and i.indnatts >= 2
          and (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[0]) = 'ship_id'
          and (select attname from pg_attribute where attrelid = i.indrelid and attnum = i.indkey[1]) = 'data_channel_id'
     ) as found`,
    [quoteTable(table)],
  );
  return rows[0].found;
}

/**
 * Between these, microseconds are exact integers, whether they are counted from 1970 or from 2000. What lies outside
 * (±infinity, 0001-01-01 of a clock that was never set, BC) is no time at which a ship has measured anything.
 */
const OLDEST = '1715-01-01';
const BEYOND = '2255-01-01';
export const BEYOND_US = parseInstant(BEYOND);

/** The oldest instant of a ship at or after `sinceUs`, over all its channels, that a chunk can hold. */
export async function firstInstant(
  client: ClientBase,
  table: TableName,
  ship: string,
  channels: readonly string[],
  sinceUs: EpochUs | undefined,
): Promise<EpochUs | undefined> {
  const since = sinceUs === undefined ? OLDEST : timestampText(sinceUs);
  const { rows } = await client.query(
    `select min(first.created_time)::text as first
       from unnest($2::text[]) as channel (id)
      cross join lateral (
        select created_time from ${quoteTable(table)}
         where ship_id = $1 and data_channel_id = channel.id
           and created_time >= '${OLDEST}' and created_time >= $3 and created_time < '${BEYOND}'
         order by created_time limit 1) as first`,
    [ship, channels, since],
  );
  return rows[0].first === null ? undefined : parseInstant(rows[0].first);
}

/** Which of these spans hold a cell of the ship; each probe ends at the first channel that has one. */
export async function findSpansWithCells(
  client: ClientBase,
  table: TableName,
  ship: string,
  channels: readonly string[],
  spans: readonly Span[],
): Promise<boolean[]> {
  const { rows } = await client.query({
    text: `
      select exists (
               select from unnest($2::text[]) as channel (id)
                cross join lateral (
                  select from ${quoteTable(table)}
                   where ship_id = $1 and data_channel_id = channel.id
                     and created_time >= span.f and created_time < span.t
                   order by created_time limit 1) as cell)
        from unnest($3::timestamp[], $4::timestamp[]) with ordinality as span (f, t, n)
       order by span.n`,
    values: [
      ship,
      channels,
      spans.map(({ fromUs }) => timestampText(fromUs)),
      spans.map(({ toUs }) => timestampText(toUs)),
    ],
    rowMode: 'array',
  });
  return rows.map(([hasCells]) => hasCells);
}

/** Beyond so many cells of one channel after the end, counting stops. */
const STRAY_LIMIT = 1_000;

/** Cells that no chunk up to `toUs` can hold: at ±infinity and other impossible times, and at or after `toUs`. */
export async function countStrayInstants(
  client: ClientBase,
  table: TableName,
  ship: string,
  channels: readonly string[],
  toUs: EpochUs,
): Promise<{ impossible: number; afterTo: number; afterToIsMore: boolean }> {
  const inChannel = `from ${quoteTable(table)} where ship_id = $1 and data_channel_id = channel.id`;
  const { rows } = await client.query(
    `select coalesce(sum(low.n + high.n), 0)::float8 as impossible, coalesce(sum(after.n), 0)::float8 as after,
            coalesce(max(after.n), 0) >= $4 as more
       from unnest($2::text[]) as channel (id)
      cross join lateral (select count(*) as n ${inChannel} and created_time < '${OLDEST}') as low
      cross join lateral (select count(*) as n ${inChannel} and created_time >= '${BEYOND}') as high
      cross join lateral (
        select count(*) as n from (select ${inChannel} and created_time >= $3 and created_time < '${BEYOND}' limit $4) as capped
      ) as after`,
    [ship, channels, timestampText(toUs), STRAY_LIMIT],
  );
  return { impossible: rows[0].impossible, afterTo: rows[0].after, afterToIsMore: rows[0].more };
}
