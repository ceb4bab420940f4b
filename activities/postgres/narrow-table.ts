import { escapeIdentifier, type ClientBase } from 'pg';

import { FairleadError } from '../../domain/errors.ts';
import { formatTableName, type TableName } from '../../domain/table-name.ts';

/** The columns that a narrow table has, with the types that each of them may bear. */
const narrowColumns = {
  ship_id: ['text', 'varchar'],
  data_channel_id: ['text', 'varchar'],
  created_time: ['timestamp'],
  server_created_time: ['timestamp'],
  value_format: ['varchar', 'text'],
  bool_v: ['bool'],
  str_v: ['text', 'varchar'],
  long_v: ['int8'],
  double_v: ['float8'],
} as const satisfies Record<string, readonly string[]>;

export type NarrowColumn = keyof typeof narrowColumns;

export const narrowColumnNames = Object.keys(narrowColumns) as NarrowColumn[];

export type Privilege = 'select' | 'insert';

export interface NarrowTable extends TableName {
  /** A unique index on exactly (ship_id, data_channel_id, created_time), in any order. */
  hasKey: boolean;
}

/** The table as SQL spells it: `"tenant"."tbl_data_timeseries"`. */
export const quoteTable = ({ schema, name }: TableName): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/** Makes schema, narrow table and its two indexes, as the ships' own system has them, where they are missing. */
export async function createNarrowTable(client: ClientBase, table: TableName): Promise<void> {
  await createBareTable(client, table);
  await addIndexes(client, table);
}

/**
 * Makes a narrow table of our own ready for many rows, runs `load`, and gives it its indexes; in the caller's
 * transaction. A table without any row gets them after the rows, in half the time; one that holds rows keeps them.
 *
 * @param load is told whether the rows may be frozen, because nobody else can have seen the table yet
 */
export async function fillOwnTable<T>(
  client: ClientBase,
  table: TableName,
  load: (freeze: boolean) => Promise<T>,
): Promise<T> {
  await createBareTable(client, table);
  const isEmpty = await clearWhenEmpty(client, table);
  const result = await load(isEmpty);
  await client.query(`set local maintenance_work_mem = '512MB'`);
  await addIndexes(client, table);
  if (isEmpty)
    await client.query(
      `create index if not exists ${escapeIdentifier(idIndexName(table))} on ${quoteTable(table)} (id)`,
    );
  return result;
}

async function createBareTable(client: ClientBase, table: TableName): Promise<void> {
  await client.query(`create schema if not exists ${escapeIdentifier(table.schema)}`);
  await client.query(`
    create table if not exists ${quoteTable(table)} (
      id                  bigserial not null,
      ship_id             text not null,
      data_channel_id     text not null,
      created_time        timestamp not null,
      server_created_time timestamp,
      bool_v  boolean, str_v text, long_v bigint, double_v double precision,
      value_format varchar(50)
    )`);
}

const keyName = ({ name }: TableName): string =>
  escapeIdentifier(`${name.replace(/^tbl_/, '').slice(0, 60)}_pk`);

/** Not as the ships' own system has it: so that what comes late is found without reading the table. */
const idIndexName = ({ name }: TableName): string => `${name.slice(0, 56)}_id_idx`;

const timeIndexName = ({ name }: TableName): string => `${name.slice(0, 46)}_created_time_idx`;

async function addIndexes(client: ClientBase, table: TableName): Promise<void> {
  const oid = await findTable(client, table);
  if (!(await hasNaturalKey(client, oid))) {
    await client.query(`alter table ${quoteTable(table)} add constraint ${keyName(table)}
      primary key (ship_id, data_channel_id, created_time)`);
  }
  await client.query(`create index if not exists ${escapeIdentifier(timeIndexName(table))}
    on ${quoteTable(table)} (created_time desc)`);
}

/** Takes the indexes from a table without rows; `truncate` lets COPY freeze what it writes. */
async function clearWhenEmpty(client: ClientBase, table: TableName): Promise<boolean> {
  if (await hasRows(client, table)) return false;
  await client.query(`lock table ${quoteTable(table)} in access exclusive mode`);
  if (await hasRows(client, table)) return false;
  const indexes = [timeIndexName(table), idIndexName(table)].map(
    (name) => `${escapeIdentifier(table.schema)}.${escapeIdentifier(name)}`,
  );
  await client.query(`truncate ${quoteTable(table)}`);
  await client.query(
    `alter table ${quoteTable(table)} drop constraint if exists ${keyName(table)}`,
  );
  await client.query(`drop index if exists ${indexes.join(', ')}`);
  return true;
}

async function hasRows(client: ClientBase, table: TableName): Promise<boolean> {
  const { rows } = await client.query(`select from ${quoteTable(table)} limit 1`);
  return rows.length > 0;
}

/**
 * Looks at a narrow table before it is used.
 *
 * @throws {FairleadError} `source-table-invalid` or `permission-denied`, naming the table or the columns
 */
export async function describeSource(
  client: ClientBase,
  table: TableName,
  privileges: readonly Privilege[] = ['select'],
): Promise<NarrowTable> {
  const oid = await findTable(client, table);
  const found = await readColumns(client, oid);
  refuseWrongColumns(table, found);
  for (const privilege of privileges) await requirePrivilege(client, table, oid, privilege);
  return { ...table, hasKey: await hasNaturalKey(client, oid) };
}

async function findTable(client: ClientBase, table: TableName): Promise<number> {
  const { rows } = await client.query<{ oid: number }>(
    `select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p', 'v', 'm', 'f')`,
    [table.schema, table.name],
  );
  if (rows[0]) return rows[0].oid;
  const similar = await findSimilarTable(client, table.name);
  throw new FairleadError(
    'source-table-invalid',
    `table ${formatTableName(table)} is not in the source database`,
    {
      hint: similar
        ? `set [source] table = "${similar}" in fairlead.toml`
        : 'set [source] table in fairlead.toml to the narrow table, or look whether [source] url names the right database',
    },
  );
}

/** A table elsewhere that has the narrow table's columns, or its name. */
async function findSimilarTable(client: ClientBase, name: string): Promise<string | undefined> {
  const { rows } = await client.query<{ found: string }>(
    `select n.nspname || '.' || c.relname as found
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema)'
       and (c.relname = $1 or 3 = (
         select count(*) from pg_attribute a where a.attrelid = c.oid
           and a.attname in ('data_channel_id', 'value_format', 'double_v')))
     order by c.relname = $1 desc, 1 limit 1`,
    [name],
  );
  return rows[0]?.found;
}

async function readColumns(client: ClientBase, oid: number): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select a.attname as name, t.typname as type
     from pg_attribute a join pg_type t on t.oid = a.atttypid
     where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped`,
    [oid],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}

function refuseWrongColumns(table: TableName, found: Map<string, string>): void {
  const faults = Object.entries(narrowColumns).flatMap(([name, types]) => {
    const type = found.get(name);
    if (type === undefined) return [`column ${name} (${types[0]}) is missing`];
    const isRight = (types as readonly string[]).includes(type);
    return isRight ? [] : [`column ${name} is ${type}, expected ${types[0]}`];
  });
  if (faults.length === 0) return;
  throw new FairleadError(
    'source-table-invalid',
    `table ${formatTableName(table)}: ${faults.join('; ')}`,
    {
      hint: 'set [source] table in fairlead.toml to the narrow table; a view with these columns and types serves too',
    },
  );
}

async function requirePrivilege(
  client: ClientBase,
  table: TableName,
  oid: number,
  privilege: Privilege,
): Promise<void> {
  const { rows } = await client.query<{ role: string; schema: boolean; denied: string[] }>(
    `select current_user as role, has_schema_privilege($1::text, 'usage') as schema,
       array(select name from unnest($2::text[]) as name
             where not has_column_privilege($3::oid, name, $4)) as denied`,
    [table.schema, narrowColumnNames, oid, privilege],
  );
  const { role, schema, denied } = rows[0]!;
  const grants = [
    ...(schema ? [] : [`grant usage on schema ${escapeIdentifier(table.schema)}`]),
    ...(denied.length === 0 ? [] : [`grant ${privilege} on ${quoteTable(table)}`]),
  ];
  if (grants.length === 0) return;
  const columns = denied.length === narrowColumnNames.length ? '' : ` (${denied.join(', ')})`;
  throw new FairleadError(
    'permission-denied',
    `role ${role} may not ${privilege} ${schema ? 'on' : 'in the schema of'} ${formatTableName(table)}${columns}`,
    { hint: grants.map((grant) => `${grant} to ${escapeIdentifier(role)};`).join(' ') },
  );
}

async function hasNaturalKey(client: ClientBase, oid: number): Promise<boolean> {
  const { rows } = await client.query(
    `select from pg_index i
     where i.indrelid = $1 and i.indisunique and i.indisvalid and i.indpred is null
       and i.indexprs is null
       and array(select a.attname::text from pg_attribute a
                 where a.attrelid = $1 and a.attnum = any(i.indkey[0:i.indnkeyatts - 1])
                 order by 1) = array['created_time', 'data_channel_id', 'ship_id']`,
    [oid],
  );
  return rows.length > 0;
}
