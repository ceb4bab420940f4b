import { escapeIdentifier, escapeLiteral, type Pool } from 'pg';
import { timestampText, type ChunkKey } from '../activities/postgres/ledger.ts';
import { loadChannelMap } from '../activities/postgres/wide-table.ts';
import type { ChannelColumn } from '../domain/wide-layout.ts';
import { secondsOf } from './measure.ts';

/** The usual way: one aggregate per channel in an INSERT … SELECT per table, into tables of the same shape. */
export async function openSqlFilter(pool: Pool, key: ChunkKey): Promise<() => Promise<number>> {
  const client = await pool.connect();
  const columns = await loadChannelMap(client, key.ship);
  client.release();
  const tables = [...new Set(columns.map(({ table }) => table))];
  await pool.query('create schema if not exists sql_filter');
  for (const table of tables) {
    await pool.query(
      `drop table if exists ${copyOf(table)}; create table ${copyOf(table)} (like ${table} including all)`,
    );
  }
  return async () => {
    await pool.query(`truncate ${tables.map(copyOf).join(', ')}`);
    return secondsOf(() => insertAll(pool, key, columns, tables));
  };
}

const copyOf = (table: string): string => `sql_filter.${table.slice(table.indexOf('.') + 1)}`;

async function insertAll(
  pool: Pool,
  key: ChunkKey,
  columns: ChannelColumn[],
  tables: string[],
): Promise<void> {
  const client = await pool.connect();
  await client.query('begin; set local jit = off');
  for (const table of tables)
    await client.query(
      insertStatement(
        key,
        table,
        columns.filter((column) => column.table === table),
      ),
    );
  await client.query('commit');
  client.release();
}

const AGGREGATE: Record<ChannelColumn['type'], string> = {
  'double precision': 'max(double_v)',
  bigint: 'max(long_v)',
  boolean: 'bool_or(bool_v)',
  text: 'max(str_v)',
};

function insertStatement(
  { ship, fromUs, toUs }: ChunkKey,
  table: string,
  columns: ChannelColumn[],
): string {
  const names = columns.map(({ column }) => escapeIdentifier(column));
  const values = columns.map(
    ({ channel, type }) =>
      `${AGGREGATE[type]} filter (where data_channel_id = ${escapeLiteral(channel)})`,
  );
  return `insert into ${copyOf(table)} (created_time, ${names.join(', ')})
    select created_time, ${values.join(', ')} from tenant.tbl_data_timeseries
     where ship_id = ${escapeLiteral(ship)}
       and data_channel_id = any(array[${columns.map(({ channel }) => escapeLiteral(channel)).join(',')}]::text[])
       and created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'
     group by created_time`;
}
