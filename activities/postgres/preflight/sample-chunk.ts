import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import type { PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import { formatBytes, formatCount } from '../../../domain/format-figures.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { formatRange, MS_US } from '../../../domain/time.ts';
import { rowBytes, type ChannelColumn } from '../../../domain/wide-layout.ts';
import { collectGroups } from '../collect-cells.ts';
import type { ChunkCells } from '../cells.ts';
import type { CopyBuffer } from '../copy-binary.ts';
import type { ChunkKey } from '../ledger.ts';
import { quoteTable } from '../narrow-table.ts';
import { PLANNER_SETTINGS, chunkCondition, groupedCells } from '../read-chunk.ts';
import { createTimeIndex, entriesPerPage, indexBytes, type SourceTable } from './source-table.ts';

const PAGE_BYTES = 8_192;

/** One chunk, read as a migration reads it, and thrown away. */
export interface Sample {
  key: ChunkKey;
  cells: number;
  channels: number;
  seconds: number;
  /** On the wire. */
  bytes: number;
  /** Pages of the source that were looked at, and how many of them were not in its memory. */
  heapPages: number;
  indexPages: number;
  missedPages: number;
  /** What the chunk would take in the target. */
  targetBytes: number;
}

/** Reads the chunk over one connection, in the caller's transaction, whose pages it counts. */
export async function readSample(
  client: PoolClient,
  table: SourceTable,
  key: ChunkKey,
  channels: readonly string[],
  columns: readonly ChannelColumn[],
  buffer: CopyBuffer,
): Promise<Sample> {
  await client.query(PLANNER_SETTINGS);
  const before = await countPages(client, table);
  const startedAt = performance.now();
  const statement = groupedCells(quoteTable(table.name), chunkCondition(key, channels));
  await copyInto(client, statement, buffer);
  const cells = collectGroups(buffer, [0]);
  const seconds = (performance.now() - startedAt) / 1_000;
  const after = await countPages(client, table);
  return {
    key,
    cells: cells.read,
    channels: cells.plain.length + cells.oddChannels.size,
    seconds,
    bytes: buffer.length,
    heapPages: after.heap - before.heap,
    indexPages: after.index - before.index,
    missedPages: after.missed - before.missed,
    targetBytes: bytesInTarget(cells, columns),
  };
}

async function copyInto(client: PoolClient, query: string, buffer: CopyBuffer): Promise<void> {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        buffer.append(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  await pipeline(client.query(copyStreams.to(`copy (${query}) to stdout (format binary)`)), sink);
}

/** What this transaction has looked at so far, of the table, its partitions and their indexes. */
async function countPages(
  client: PoolClient,
  { name }: SourceTable,
): Promise<{ heap: number; index: number; missed: number }> {
  const { rows } = await client.query(
    `with recursive tree as (
       select $1::regclass::oid as oid union all select i.inhrelid from pg_inherits i join tree on tree.oid = i.inhparent
     ), parts as (
       select oid, true as is_heap from tree
       union all select i.indexrelid, false from pg_index i join tree on tree.oid = i.indrelid
     )
     select coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)) filter (where is_heap), 0)::float8 as heap,
            coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)) filter (where not is_heap), 0)::float8 as index,
            coalesce(sum(pg_stat_get_xact_blocks_fetched(oid) - pg_stat_get_xact_blocks_hit(oid)), 0)::float8 as missed
       from parts`,
    [quoteTable(name)],
  );
  return rows[0];
}

const VALUE_BYTES = { 'double precision': 8, bigint: 8, boolean: 1, text: 24 } as const;
const PAGE_ROOM = PAGE_BYTES - 24;
/** Of the key on `created_time`. */
const KEY_BYTES = 23;

/** Rows as long as the sample fills them, on pages that they do not fill to the last byte. */
export function bytesInTarget(cells: ChunkCells, columns: readonly ChannelColumn[]): number {
  const columnOf = new Map(columns.map((column) => [column.channel, column]));
  const tables = new Map<string, { instants: Set<number>; values: number; grids: Set<object> }>();
  for (const { channel, grid, nulls } of cells.plain) {
    const column = columnOf.get(channel);
    if (!column) continue;
    const table = tables.get(column.table) ?? { instants: new Set(), values: 0, grids: new Set() };
    tables.set(column.table, table);
    if (!table.grids.has(grid)) for (const us of grid.us) table.instants.add(us);
    table.grids.add(grid);
    table.values += (grid.us.length - nulls) * VALUE_BYTES[column.type];
  }
  let bytes = 0;
  for (const [name, { instants, values }] of tables) {
    const types = columns.filter(({ table }) => table === name).map(({ type }) => type);
    const header = rowBytes(types) - rowBytes([]) > 0 ? 32 + Math.ceil((types.length + 1) / 8) : 32;
    const row = Math.min(rowBytes(types), header + values / Math.max(1, instants.size)) + 4;
    const perPage = Math.max(1, Math.floor(PAGE_ROOM / row));
    bytes += instants.size * (PAGE_BYTES / perPage + KEY_BYTES);
  }
  return bytes;
}

export function checkSample(sample: Sample, ofChannels: number): Check {
  const { good, look } = checksOf('ships', sample.key.ship);
  const { key, cells, seconds, bytes, heapPages, indexPages, missedPages, channels } = sample;
  const pages = heapPages + indexPages;
  const disk =
    pages === 0
      ? ''
      : `, ${formatCount(pages)} pages looked at, ${formatCount(missedPages)} of them not in the server's memory`;
  const found =
    `${formatRange(key.fromUs, key.toUs)}: ${formatCount(cells)} cells of ${formatCount(channels)} channels ` +
    `in ${seconds.toFixed(2)} s over one connection, ${formatBytes(bytes)} on the wire${disk}`;
  if (channels >= ofChannels * 0.5) return good('one chunk', found);
  return look(
    'one chunk',
    `${found}; the ship has ${formatCount(ofChannels)} channels, so that others may hold more`,
  );
}

/** What the index that the old team proposed would save, by the pages that the sample looked at. */
export function checkTimeIndex(sample: Sample, table: SourceTable): Check[] {
  const { good, look } = checksOf('source table', 'source');
  const { cells, heapPages, indexPages } = sample;
  if (table.kind === 'v' || table.probeIndex === undefined || indexPages === 0) return [];
  const name = 'index by time';
  if (table.timeIndex !== undefined)
    return [good(name, `${table.timeIndex} exists already; the plan of a chunk says what is used`)];
  const statement = createTimeIndex(table);
  const wouldRead = Math.ceil(cells / entriesPerPage(table)) + 3;
  const saved = Math.max(0, indexPages - wouldRead) / (heapPages + indexPages);
  const figures =
    `by the key a chunk looks at ${formatCount(indexPages)} pages of index and ${formatCount(heapPages)} of rows; with (ship_id, created_time, data_channel_id) ` +
    `it would be about ${formatCount(wouldRead)} of index and the same rows: ${Math.round(saved * 100)} % less. It would take about ${formatBytes(indexBytes(table))}, ` +
    `and a write more for each new row; measured on PostgreSQL 18, the planner does not choose it by itself`;
  if (saved <= WORTH_IT) return [good(name, `not needed: ${figures}; it would be: ${statement}`)];
  return [look(name, `would help: ${figures}`, statement)];
}

/** Below this share of the pages, one more index on the busiest table is the dearer choice. */
const WORTH_IT = 0.5;

export const secondsOf = ({ fromUs, toUs }: ChunkKey): number => (toUs - fromUs) / MS_US / 1_000;
