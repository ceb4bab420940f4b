import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { escapeIdentifier, type ClientBase } from 'pg';
import copyStreams from 'pg-copy-streams';
import type { ColumnType } from '../../domain/value-format.ts';
import { TupleScanner, readInt64, type CopyBuffer } from './copy-binary.ts';
import { timestampText, type ChunkKey } from './ledger.ts';
import { quoteWideTable, readColumns } from './wide-table.ts';
import { ledgerOf } from './ledger-schema.ts';

/** A channel's column as the stored map and the catalog tell it now. */
export interface CatalogColumn {
  channel: string;
  column: string;
  type: ColumnType;
}

export async function listTables(client: ClientBase, ship: string): Promise<string[]> {
  const { rows } = await client.query(
    `select distinct table_name from ${ledgerOf(client)}.channel_map where ship_id = $1 order by 1`,
    [ship],
  );
  return rows.map(({ table_name: table }) => table);
}

/**
 * The wide tables of a ship with their columns, resolved anew: nothing of what the writer believed goes in. A table
 * that was dropped is left out, and so reads as one without rows.
 */
export async function resolveTables(
  client: ClientBase,
  ship: string,
): Promise<Map<string, CatalogColumn[]>> {
  const tables = new Map<string, CatalogColumn[]>();
  for (const table of await listTables(client, ship)) {
    const columns = await client.query(
      `select m.data_channel_id as channel, a.attname as "column", format_type(a.atttypid, null) as type
         from ${ledgerOf(client)}.channel_map m
         join pg_attribute a on a.attname = m.column_name and a.attnum > 0 and not a.attisdropped
        where m.ship_id = $1 and m.table_name = $2 and a.attrelid = to_regclass($3)
        order by a.attnum`,
      [ship, table, quoteWideTable(table)],
    );
    if (columns.rows.length > 0 || (await readColumns(client, table)))
      tables.set(table, columns.rows);
  }
  return tables;
}

export type OnWideRow = (us: number, fields: Int32Array) => void;

/**
 * Reads a chunk's rows of one wide table, one at a time.
 *
 * @param scratch is emptied row by row, so that its size does not grow with the chunk
 * @param onRow `us` is microseconds since 2000-01-01; `fields[n]` is where the n-th column's field begins
 */
export async function readWide(
  client: ClientBase,
  table: string,
  columns: readonly CatalogColumn[],
  { fromUs, toUs }: ChunkKey,
  scratch: CopyBuffer,
  onRow: OnWideRow,
): Promise<void> {
  scratch.clear();
  const scanner = new TupleScanner(scratch, columns.length + 1);
  const names = ['created_time', ...columns.map(({ column }) => escapeIdentifier(column))].join(
    ', ',
  );
  const statement = `copy (
    select ${names} from ${quoteWideTable(table)}
     where created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'
  ) to stdout (format binary)`;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        scratch.append(chunk);
        while (scanner.next())
          onRow(readInt64(scratch.view, scanner.fields[0]! + 4), scanner.fields.subarray(1));
        scanner.discardRead();
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  await pipeline(client.query(copyStreams.to(statement)), sink);
}
