import { escapeIdentifier, type ClientBase, type PoolClient } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import { parseTableName } from '../../domain/table-name.ts';
import { formatDurationMs } from '../../domain/time.ts';
import type { ColumnType } from '../../domain/value-format.ts';
import {
  extendLayout,
  narrowestLast,
  type ChannelColumn,
  type LayoutOptions,
  type TypedChannel,
} from '../../domain/wide-layout.ts';
import { inTransaction } from './connection.ts';
import { quoteTable } from './narrow-table.ts';
import { ledgerOf } from './ledger-schema.ts';
import { refuseTablesOfOthers } from './other-installations.ts';

/** A wide table's name, as `fairlead.channel_map` bears it, as SQL spells it. */
export const quoteWideTable = (table: string): string => quoteTable(parseTableName(table));

/** Where each channel of a ship goes. */
export async function loadChannelMap(client: ClientBase, ship: string): Promise<ChannelColumn[]> {
  const { rows } = await client.query(
    `select data_channel_id as channel, channel_group as "group", table_name as "table",
            column_name as "column", column_type as type
       from ${ledgerOf(client)}.channel_map where ship_id = $1 order by data_channel_id`,
    [ship],
  );
  return rows;
}

/** Columns of a table by name, with their types; undefined when there is no such table. */
export async function readColumns(
  client: ClientBase,
  table: string,
): Promise<Map<string, string> | undefined> {
  const { rows } = await client.query(
    `select attname as name, format_type(atttypid, null) as type
       from pg_attribute
      where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [quoteWideTable(table)],
  );
  return rows.length === 0 ? undefined : new Map(rows.map(({ name, type }) => [name, type]));
}

/** Those of the columns that the catalog lacks, with their tables or without. */
export async function findAbsentColumns(
  client: ClientBase,
  columns: readonly ChannelColumn[],
): Promise<ChannelColumn[]> {
  const absent: ChannelColumn[] = [];
  for (const table of new Set(columns.map((column) => column.table))) {
    const found = await readColumns(client, table);
    absent.push(...columns.filter((each) => each.table === table && !found?.has(each.column)));
  }
  return absent;
}

const INSTANT_TYPE = 'timestamp without time zone';

/**
 * Says what stands in the way of these columns in tables that exist already; changes nothing.
 *
 * @throws {FairleadError} `target-differs`, with the statements that would change them
 */
export async function refuseDifferences(
  client: ClientBase,
  columns: readonly ChannelColumn[],
): Promise<void> {
  const differences: string[] = [];
  const keyless: string[] = [];
  const statements: string[] = [];
  for (const table of new Set(columns.map((column) => column.table))) {
    const found = await readColumns(client, table);
    if (!found) continue;
    const own = columns.filter((column) => column.table === table);
    const changes = own.filter(
      ({ column, type }) => found.has(column) && found.get(column) !== type,
    );
    differences.push(
      ...changes.map(
        ({ column, type }) => `${table} "${column}" is ${found.get(column)}, not ${type}`,
      ),
    );
    if (changes.length > 0) statements.push(alterTypes(table, changes, found));
    const keys = await keyStatements(client, table, found);
    if (keys.length > 0) keyless.push(table);
    statements.push(...keys);
  }
  if (statements.length === 0) return;
  const shown = differences.slice(0, 20).join('; ');
  const more = differences.length > 20 ? `; and ${differences.length - 20} more` : '';
  throw new FairleadError(
    'target-differs',
    `${differences.length} columns of tables that exist already have another type` +
      `${shown && `: ${shown}${more}`}${keyless.length > 0 ? `; without a unique key on created_time timestamp: ${keyless.join(', ')}` : ''}`,
    {
      hint: `Change them, or name another table under [target], then repeat:\n${statements.join('\n')}`,
    },
  );
}

function alterTypes(table: string, changes: ChannelColumn[], found: Map<string, string>): string {
  const clauses = changes.map(({ column, type }) => {
    const name = escapeIdentifier(column);
    return `  alter column ${name} type ${type} using ${castOf(name, found.get(column)!, type)}`;
  });
  return `alter table ${quoteWideTable(table)}\n${clauses.join(',\n')};`;
}

const NUMBERS = new Set(['double precision', 'real', 'numeric', 'bigint', 'integer', 'smallint']);

/** PostgreSQL has no cast between boolean and most numbers. */
function castOf(name: string, from: string, to: ColumnType): string {
  if (NUMBERS.has(from) && to === 'boolean') return `${name} <> 0`;
  if (from === 'boolean' && NUMBERS.has(to)) return `${name}::integer::${to}`;
  return `${name}::${to}`;
}

async function keyStatements(
  client: ClientBase,
  table: string,
  found: Map<string, string>,
): Promise<string[]> {
  const name = quoteWideTable(table);
  const type = found.get('created_time');
  const statements = type === INSTANT_TYPE ? [] : [instantStatement(name, type)];
  const { rows } = await client.query(
    `select exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
                     where i.indrelid = to_regclass($1) and i.indisunique and i.indisvalid
                       and i.indnkeyatts = 1 and i.indpred is null and a.attname = 'created_time') as found`,
    [name],
  );
  return rows[0].found
    ? statements
    : [...statements, `alter table ${name} add primary key (created_time);`];
}

function instantStatement(table: string, type: string | undefined): string {
  if (type === undefined) return `alter table ${table} add column created_time timestamp not null;`;
  const using = type.endsWith('with time zone') ? "at time zone 'UTC'" : '::timestamp';
  return `alter table ${table} alter column created_time type timestamp using created_time ${using};`;
}

/** How long an ALTER TABLE may wait for its lock: whoever comes behind it in the queue waits as long. */
const LOCK_TIMEOUT_MS = 200;
const LOCK_PATIENCE_MS = 120_000;

/**
 * Gives every channel a column: those that have none yet get theirs, in one statement per table. A table or column
 * that the map names and somebody dropped is made again.
 *
 * @param patienceMs how long to try for the lock, again and again
 * @returns all columns of the ship
 * @throws {FairleadError} `target-differs`, `table-taken`; `database-busy` when a lock was not to be had for so long
 */
export async function extendTarget(
  client: PoolClient,
  ship: string,
  channels: readonly TypedChannel[],
  layout: LayoutOptions,
  patienceMs = LOCK_PATIENCE_MS,
): Promise<ChannelColumn[]> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    try {
      return await inTransaction(client, () => addColumns(client, ship, channels, layout));
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03') throw error;
      const blocker = await describeBlocker(client, ship);
      if (Date.now() > giveUpAt) throw lockedOut(ship, blocker, patienceMs, error);
      await new Promise((resolve) => setTimeout(resolve, LOCK_TIMEOUT_MS * (1 + Math.random())));
    }
  }
}

async function addColumns(
  client: PoolClient,
  ship: string,
  channels: readonly TypedChannel[],
  layout: LayoutOptions,
): Promise<ChannelColumn[]> {
  await client.query(
    "select pg_advisory_xact_lock(hashtextextended('fairlead columns ' || $1, 0))",
    [ship],
  );
  const existing = await loadChannelMap(client, ship);
  const added = extendLayout(existing, channels, layout);
  await claimTables(client, existing, added);
  await refuseDifferences(client, added);
  await client.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`);
  const absent = narrowestLast(await findAbsentColumns(client, [...existing, ...added]));
  for (const table of new Set(absent.map((column) => column.table))) {
    await addToTable(
      client,
      table,
      absent.filter((column) => column.table === table),
    );
  }
  await recordColumns(client, ship, added);
  return [...existing, ...added];
}

/** Other installations claim theirs under the same lock, so that of two who want the same table one is refused. */
async function claimTables(
  client: PoolClient,
  existing: readonly ChannelColumn[],
  added: readonly ChannelColumn[],
): Promise<void> {
  const own = new Set(existing.map(({ table }) => table));
  const claimed = new Set(added.map(({ table }) => table).filter((table) => !own.has(table)));
  if (claimed.size === 0) return;
  await client.query("select pg_advisory_xact_lock(hashtextextended('fairlead new tables', 0))");
  await refuseTablesOfOthers(client, claimed);
}

async function addToTable(
  client: PoolClient,
  table: string,
  columns: ChannelColumn[],
): Promise<void> {
  const definitions = columns.map(({ column, type }) => `${escapeIdentifier(column)} ${type}`);
  if (!(await readColumns(client, table))) {
    await createSchemaOnce(client, parseTableName(table).schema);
    const all = ['created_time timestamp primary key', ...definitions].join(', ');
    await client.query(`create table ${quoteWideTable(table)} (${all})`);
  } else {
    const clauses = definitions.map((definition) => `add column ${definition}`).join(', ');
    await client.query(`alter table ${quoteWideTable(table)} ${clauses}`);
  }
}

/** `if not exists` alone asks for the right to create schemas even where there is nothing to create. */
async function createSchemaOnce(client: PoolClient, schema: string): Promise<void> {
  const { rows } = await client.query('select from pg_namespace where nspname = $1', [schema]);
  if (rows.length === 0)
    await client.query(`create schema if not exists ${escapeIdentifier(schema)}`);
}

async function recordColumns(
  client: PoolClient,
  ship: string,
  columns: readonly ChannelColumn[],
): Promise<void> {
  await client.query(
    `insert into ${ledgerOf(client)}.channel_map
       (ship_id, data_channel_id, channel_group, table_name, column_name, column_type)
     select $1, * from unnest($2::text[], $3::integer[], $4::text[], $5::text[], $6::text[])`,
    [
      ship,
      columns.map(({ channel }) => channel),
      columns.map(({ group }) => group),
      columns.map(({ table }) => table),
      columns.map(({ column }) => column),
      columns.map(({ type }) => type),
    ],
  );
}

/** Sessions that hold a lock on any of the ship's tables, in words. */
async function describeBlocker(client: PoolClient, ship: string): Promise<string> {
  await client.query('rollback');
  const tables = new Set(
    (await loadChannelMap(client, ship)).map(({ table }) => quoteWideTable(table)),
  );
  const { rows } = await client.query(
    `select distinct a.pid, a.usename, a.application_name, a.state
       from pg_locks l join pg_stat_activity a using (pid)
      where l.granted and a.pid <> pg_backend_pid() and l.relation = any(array(select to_regclass(t)::oid from unnest($1::text[]) t))`,
    [[...tables]],
  );
  return rows
    .map((row) => `process ${row.pid} (${row.usename}, ${row.application_name}, ${row.state})`)
    .join(', ');
}

const lockedOut = (ship: string, blocker: string, patienceMs: number, cause: unknown) =>
  new FairleadError(
    'database-busy',
    `${ship}: no lock on its wide tables for ${formatDurationMs(patienceMs)}, held by ${blocker}`,
    {
      hint: 'End that session (select pg_terminate_backend(pid)), or wait for it.',
      cause,
    },
  );
