import type { ClientBase } from 'pg';
import { fillOwnTable, quoteTable } from '../../activities/postgres/narrow-table.ts';
import type { TableName } from '../../domain/table-name.ts';

export interface SparseFleet {
  ships: readonly string[];
  /** ISO 8601. */
  from: string;
  chunks: number;
}

/** How far apart the cells lie: one in each chunk of the usual width, so that no chunk is jumped over as empty. */
export const CELL_EVERY_HOURS = 2;

/** Gives each ship one channel with one cell in each chunk. */
export async function fillSource(
  client: ClientBase,
  table: TableName,
  { ships, from, chunks }: SparseFleet,
): Promise<void> {
  await client.query('begin');
  await fillOwnTable(client, table, () =>
    client.query(
      `insert into ${quoteTable(table)} (ship_id, data_channel_id, created_time, value_format, double_v)
       select ship, '/scale/temp', $2::timestamp + n * interval '${CELL_EVERY_HOURS} hours', 'Decimal', n
         from generate_series(0, $3::int - 1) as n, unnest($1::text[]) as ship`,
      [ships, from, chunks],
    ),
  );
  await client.query('commit');
  await client.query(`vacuum analyze ${quoteTable(table)}`);
}
