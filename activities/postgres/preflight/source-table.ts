import { escapeIdentifier, type PoolClient } from 'pg';
import { formatBytes, formatMany } from '../../../domain/format-figures.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { formatTableName, type TableName } from '../../../domain/table-name.ts';
import { quoteTable } from '../narrow-table.ts';

/** What the catalog knows of the narrow table; nothing of it is read. */
export interface SourceTable {
  name: TableName;
  /** `r` table, `p` partitioned, `v` view, … */
  kind: string;
  rows: number;
  pages: number;
  bytes: number;
  indexBytes: number;
  /** Bytes of an index entry's values, on average. */
  widths: { ship: number; channel: number };
  /** An index that begins with ship and channel: without it, every look is a scan. */
  probeIndex: string | undefined;
  /** An index that begins with ship and time. */
  timeIndex: string | undefined;
}

/** Fewer pages than this are read in a moment, whatever the plan of a chunk is. */
export const SMALL_PAGES = 2_560;
/** A look at one ship probes a thousand channels at 16 instants: without an index, each probe reads all pages. */
const PROBED_PAGES = 64;

export async function describeSourceTable(
  client: PoolClient,
  name: TableName,
): Promise<SourceTable> {
  const { rows } = await client.query(
    `with recursive tree as (
       select $1::regclass::oid as oid
       union all
       select i.inhrelid from pg_inherits i join tree on tree.oid = i.inhparent
     )
     select (select relkind::text from pg_class where oid = $1::regclass) as kind,
            coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 as rows, coalesce(sum(c.relpages), 0)::float8 as pages,
            coalesce(sum(pg_table_size(c.oid)), 0)::float8 as bytes, coalesce(sum(pg_indexes_size(c.oid)), 0)::float8 as index_bytes
       from tree join pg_class c using (oid) where c.relkind in ('r', 'm')`,
    [quoteTable(name)],
  );
  const { kind, rows: tuples, pages, bytes, index_bytes: indexBytes } = rows[0];
  return {
    name,
    kind,
    rows: tuples,
    pages: Math.max(pages, Math.ceil(bytes / 8_192)),
    bytes,
    indexBytes,
    widths: await averageWidths(client, name),
    probeIndex: await findIndex(client, name, ['ship_id', 'data_channel_id']),
    timeIndex: await findIndex(client, name, ['ship_id', 'created_time']),
  };
}

async function averageWidths(
  client: PoolClient,
  { schema, name }: TableName,
): Promise<{ ship: number; channel: number }> {
  const { rows } = await client.query(
    `select attname as column, avg_width as width from pg_stats
      where schemaname = $1 and tablename = $2 and attname in ('ship_id', 'data_channel_id')`,
    [schema, name],
  );
  const widthOf = (column: string, usual: number) =>
    rows.find((row) => row.column === column)?.width ?? usual;
  return { ship: widthOf('ship_id', 11), channel: widthOf('data_channel_id', 40) };
}

async function findIndex(
  client: PoolClient,
  table: TableName,
  leading: readonly string[],
): Promise<string | undefined> {
  const { rows } = await client.query(
    `select i.indexrelid::regclass::text as name from pg_index i
      where i.indrelid = $1::regclass and i.indisvalid and i.indpred is null
        and array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
                    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                   where k.n <= cardinality($2::text[]) order by k.n) = $2
      order by i.indisunique desc limit 1`,
    [quoteTable(table), leading],
  );
  return rows[0]?.name;
}

/** Whether looks for a ship's cells would be scans of a table that is too big for them. */
export const isUnprobeable = ({ kind, probeIndex, pages }: SourceTable): boolean =>
  kind !== 'v' && probeIndex === undefined && pages > PROBED_PAGES;

export function checkSourceTable(table: SourceTable): Check[] {
  const { good, look, stop } = checksOf('source table', 'source');
  const found = describe(table);
  const size = good('size', found);
  if (table.kind === 'v')
    return [
      look(
        'size',
        `${formatTableName(table.name)} is a view: what it reads is not known before a plan`,
      ),
    ];
  if (table.probeIndex !== undefined)
    return [
      size,
      good('key', `${table.probeIndex} begins with ship and channel: each look is a descent`),
    ];
  const statement = createKey(table);
  const sentence = `no index begins with (ship_id, data_channel_id): each look for a ship's cells reads the whole table`;
  const cost = `the index takes about ${formatBytes(indexBytes(table))}`;
  return [
    size,
    isUnprobeable(table)
      ? stop('key', `${sentence}; ${cost}`, statement)
      : look('key', `${sentence}, which is small`, statement),
  ];
}

function describe({ name, rows, bytes, indexBytes: indexes, kind }: SourceTable): string {
  const partitioned = kind === 'p' ? ', partitioned' : '';
  return `${formatTableName(name)}${partitioned}: about ${formatMany(rows)} rows, ${formatBytes(bytes)} and ${formatBytes(indexes)} of indexes`;
}

export const createKey = ({ name }: SourceTable): string =>
  `create unique index concurrently ${escapeIdentifier(`${name.name.slice(0, 50)}_ship_channel`)} on ${quoteTable(name)} (ship_id, data_channel_id, created_time);`;

export const createTimeIndex = ({ name }: SourceTable): string =>
  `create index concurrently ${escapeIdentifier(`${name.name.slice(0, 50)}_ship_time`)} on ${quoteTable(name)} (ship_id, created_time, data_channel_id);`;

const PAGE_BYTES = 8_192;
/** What a B-tree page has for entries, and how full CREATE INDEX leaves it. */
const PAGE_ROOM = (PAGE_BYTES - 24 - 16) * 0.9;

/** Entries of ship, channel and time, which are as long in either order, give or take the padding. */
export function entriesPerPage({ widths }: SourceTable): number {
  const align = (bytes: number) => Math.ceil(bytes / 8) * 8;
  return PAGE_ROOM / (4 + align(8 + align(widths.ship) + 8 + widths.channel));
}

export const indexBytes = (table: SourceTable): number =>
  Math.ceil((table.rows / entriesPerPage(table)) * 1.005) * PAGE_BYTES;
