import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { escapeIdentifier, type PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import { FairleadError } from '../../domain/errors.ts';
import type { BookedChunk, QuarantinedCell } from './book-cells.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { expectedSum, formatKey, timestampText, type ChunkKey } from './ledger.ts';
import { encodeQuarantine } from './quarantine-rows.ts';
import { readBack } from './read-back.ts';
import { readColumns, quoteWideTable } from './wide-table.ts';
import { resolveTables } from './read-wide.ts';
import { encodeWideRows, wideRowsOf, type WideRows } from './wide-rows.ts';
import { ledgerOf } from './ledger-schema.ts';

/**
 * How a chunk's rows get into tables that may hold rows of that range already.
 *
 * - `copy`: there are none.
 * - `replace`: what is there is what the ledger says that we left; it goes.
 * - `merge`: other writers have been here. Where both have a value, the source wins; other values stay. With
 *   `overwrite`, which repairs, they stay in other channels only: a channel of which the source has cells in this
 *   chunk is afterwards as it is there.
 */
export type WriteMode = 'copy' | 'replace' | 'merge';

/** A `replace` with the rows that it found and holds locked: no others may go. */
export type ChosenMode =
  { mode: 'copy' } | { mode: 'merge'; overwrite: boolean } | { mode: 'replace'; rows: number };

/**
 * Writes a chunk's rows and its quarantine, inside the caller's transaction, which holds the chunk's lock.
 *
 * @returns how many rows it changed at instants that are none of the chunk's
 */
export async function writeChunk(
  client: PoolClient,
  key: ChunkKey,
  booked: BookedChunk,
  chosen: ChosenMode,
): Promise<number> {
  let cleared = 0;
  if (chosen.mode === 'replace') await deleteRows(client, key, chosen.rows);
  for (const wide of wideRowsOf(booked.written)) {
    if (chosen.mode !== 'merge')
      await copyRows(client, quoteWideTable(wide.table), wide, booked.buffer);
    else if (chosen.overwrite) cleared += await overwriteRows(client, key, wide, booked.buffer);
    else await mergeRows(client, wide, booked.buffer, keepPresent);
  }
  await replaceQuarantine(client, key, booked.quarantined, booked.buffer);
  return cleared;
}

export async function chooseWriteMode(
  client: PoolClient,
  key: ChunkKey,
  scratch: CopyBuffer,
  overwrite: boolean,
): Promise<ChosenMode> {
  const merge = { mode: 'merge', overwrite } as const;
  const tables = [...(await resolveTables(client, key.ship))];
  const filled = [];
  for (const [table] of tables) if (await hasRows(client, table, key)) filled.push(table);
  if (filled.length === 0) return { mode: 'copy' };
  for (const [table, columns] of tables) {
    const all = await readColumns(client, table);
    const hasOtherColumns = (all?.size ?? 0) > columns.length + 1;
    if (hasOtherColumns) return merge;
  }
  const expected = await expectedSum(client, key);
  if (!expected) return merge;
  let rows = 0;
  for (const table of filled) rows += await lockRows(client, table, key);
  const { sum } = await readBack(client, key, scratch);
  const isOurs = sum.checksum === expected.checksum && sum.cells === expected.cells;
  return isOurs ? { mode: 'replace', rows } : merge;
}

const IN_RANGE = 'created_time >= $1 and created_time < $2';
const rangeOf = ({ fromUs, toUs }: ChunkKey) => [timestampText(fromUs), timestampText(toUs)];

async function hasRows(client: PoolClient, table: string, key: ChunkKey): Promise<boolean> {
  const { rows } = await client.query(
    `select exists (select from ${quoteWideTable(table)} where ${IN_RANGE}) as found`,
    rangeOf(key),
  );
  return rows[0].found;
}

/** The rows in a chunk's range: those that this transaction wrote, and the others. */
export async function countRows(
  client: PoolClient,
  key: ChunkKey,
): Promise<{ own: number; others: number }> {
  const count = { own: 0, others: 0 };
  for (const [table] of await resolveTables(client, key.ship)) {
    const { rows } = await client.query(
      `select count(*) filter (where is_own)::int as own, count(*) filter (where not is_own)::int as others
         from (select xmin = pg_current_xact_id()::xid as is_own
                 from ${quoteWideTable(table)} where ${IN_RANGE}) as found`,
      rangeOf(key),
    );
    count.own += rows[0].own;
    count.others += rows[0].others;
  }
  return count;
}

/** Holds a range's rows as they are until the transaction ends. */
async function lockRows(client: PoolClient, table: string, key: ChunkKey): Promise<number> {
  const { rows } = await client.query(
    `select count(*)::int as locked from (select from ${quoteWideTable(table)} where ${IN_RANGE} for update) as held`,
    rangeOf(key),
  );
  return rows[0].locked;
}

async function deleteRows(client: PoolClient, key: ChunkKey, expected: number): Promise<void> {
  let deleted = 0;
  for (const [table] of await resolveTables(client, key.ship)) {
    const result = await client.query(
      `delete from ${quoteWideTable(table)} where ${IN_RANGE}`,
      rangeOf(key),
    );
    deleted += result.rowCount ?? 0;
  }
  if (deleted !== expected) throw rowsAppeared(key);
}

/** Rolls the transaction back: what another writer added since this one looked has to be merged with. */
export const rowsAppeared = (key: ChunkKey) =>
  new FairleadError('rows-appeared', `${formatKey(key)}: another writer added rows meanwhile`);

const columnList = ({ columns }: WideRows): string =>
  ['created_time', ...columns.map(({ column }) => escapeIdentifier(column.column))].join(', ');

async function copyRows(
  client: PoolClient,
  into: string,
  wide: WideRows,
  buffer: CopyBuffer,
): Promise<void> {
  const statement = `copy ${into} (${columnList(wide)}) from stdin (format binary)`;
  const rows = Readable.from(encodeWideRows(wide, buffer), { objectMode: true });
  await pipeline(rows, client.query(copyStreams.from(statement)));
}

const keepPresent = (name: string): string => `coalesce(excluded.${name}, present.${name})`;
const takeExcluded = (name: string): string => `excluded.${name}`;

const namesOf = ({ columns }: WideRows): string[] =>
  columns.map(({ column }) => escapeIdentifier(column.column));

/** @returns the temporary table from which it merged */
async function mergeRows(
  client: PoolClient,
  wide: WideRows,
  buffer: CopyBuffer,
  valueOf: (name: string) => string,
): Promise<string> {
  const table = quoteWideTable(wide.table);
  const staging = await createStaging(client, table);
  await copyRows(client, staging, wide, buffer);
  const updates = namesOf(wide).map((name) => `${name} = ${valueOf(name)}`);
  const action = updates.length > 0 ? `update set ${updates.join(', ')}` : 'nothing';
  await client.query(
    `insert into ${table} as present (${columnList(wide)})
     select ${columnList(wide)} from ${staging}
     on conflict (created_time) do ${action}`,
  );
  return staging;
}

/**
 * Makes the chunk's channels what they are in the source, at every instant of the range. A row that holds nothing else
 * goes; of others, what stands in other columns stays.
 *
 * @returns how many rows stayed at instants that the chunk does not have, and lost cells
 */
async function overwriteRows(
  client: PoolClient,
  key: ChunkKey,
  wide: WideRows,
  buffer: CopyBuffer,
): Promise<number> {
  const staging = await mergeRows(client, wide, buffer, takeExcluded);
  const table = quoteWideTable(wide.table);
  const own = namesOf(wide);
  const columns = [...((await readColumns(client, wide.table))?.keys() ?? [])];
  const isAlone = columns
    .filter((name) => name !== 'created_time' && !own.includes(escapeIdentifier(name)))
    .map((name) => `present.${escapeIdentifier(name)} is null`);
  const isElsewhere = `${IN_RANGE} and not exists (
    select from ${staging} as staged where staged.created_time = present.created_time)`;
  await client.query(
    `delete from ${table} as present where ${[isElsewhere, ...isAlone].join(' and ')}`,
    rangeOf(key),
  );
  const { rowCount } = await client.query(
    `update ${table} as present set ${own.map((name) => `${name} = null`).join(', ')}
      where ${isElsewhere} and not (row(${own.join(', ')}) is null)`,
    rangeOf(key),
  );
  return rowCount ?? 0;
}

/**
 * A temporary table of the wide table's shape, one per connection and shape: it empties itself at COMMIT, because
 * creating one for each chunk would bloat the catalog.
 */
async function createStaging(client: PoolClient, table: string): Promise<string> {
  const { rows } = await client.query(
    `select string_agg(attname || ' ' || atttypid, ',' order by attnum) as shape
       from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [table],
  );
  const digits = createHash('sha256')
    .update(`${table} ${rows[0].shape}`)
    .digest('hex')
    .slice(0, 16);
  const staging = `pg_temp.fairlead_merge_${digits}`;
  await client.query("set local client_min_messages = 'warning'");
  await client.query(
    `create temporary table if not exists fairlead_merge_${digits} (like ${table}) on commit delete rows`,
  );
  return staging;
}

async function replaceQuarantine(
  client: PoolClient,
  key: ChunkKey,
  quarantined: readonly QuarantinedCell[],
  buffer: CopyBuffer,
): Promise<void> {
  await client.query(
    `delete from ${ledgerOf(client)}.quarantine where ship_id = $3 and ${IN_RANGE}`,
    [...rangeOf(key), key.ship],
  );
  if (quarantined.length === 0) return;
  const statement = `copy ${ledgerOf(client)}.quarantine
    (ship_id, data_channel_id, created_time, reason, value_format, double_v, long_v, bool_v, str_v)
    from stdin (format binary)`;
  const rows = Readable.from(encodeQuarantine(key.ship, quarantined, buffer), { objectMode: true });
  await pipeline(rows, client.query(copyStreams.from(statement)));
}
