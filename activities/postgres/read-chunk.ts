import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { escapeLiteral, type PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import { FairleadError } from '../../domain/errors.ts';
import { formatTableName, type TableName } from '../../domain/table-name.ts';
import { columnTypeOfFormat, isValueFormat, type ColumnType } from '../../domain/value-format.ts';
import {
  ArrivalReader,
  Grids,
  NULL_CELL,
  inGridOrder,
  type Arrival,
  type ChunkCells,
  type OddCell,
  type PlainCells,
} from './cells.ts';
import {
  TupleScanner,
  arrayField,
  fieldText,
  isNull,
  readInt64,
  type CopyBuffer,
} from './copy-binary.ts';
import { listChannels } from './channel-probes.ts';
import { quoteTable } from './narrow-table.ts';
import { formatKey, timestampText, type ChunkKey } from './ledger.ts';

/** Bytes that a cell takes on the way: its instant and a number, each with its length. */
const BYTES_PER_CELL = 24;
/** Planning is off by a factor now and then; beyond this one the chunk is split before the source has to read it. */
const ESTIMATE_TOLERANCE = 4;

/**
 * What brings the planner to read this ship's rows only, in the order of the disk, and to group them in memory:
 * a sort, or a hash table that is laid out to be spilled, takes longer than all else together. `work_mem` is no
 * use of memory but leave to plan with it; a chunk takes about 40 bytes a cell there. The chunks in flight are what
 * runs in parallel.
 */
const PLANNER_SETTINGS = `
  set local enable_indexscan = off;
  set local enable_sort = off;
  set local work_mem = '1GB';
  set local max_parallel_workers_per_gather = 0`;

export interface ReadProgress {
  (bytes: number): void;
}

/**
 * Reads all cells of a ship's chunk in one snapshot, without holding back the source.
 *
 * The source answers with one row per channel and value format, the cells in arrays: half the time and a quarter
 * of the bytes of one row per cell. Channels in which anything is odd are read again, cell by cell, in the same
 * snapshot. The channels are listed in that snapshot too, so that a new one is read, not lost.
 *
 * @param buffer takes the bytes; it bounds what one chunk may hold
 * @see docs/migration.md#reading
 */
export async function readChunk(
  client: PoolClient,
  table: TableName,
  key: ChunkKey,
  buffer: CopyBuffer,
  onBytes: ReadProgress,
): Promise<ChunkCells> {
  await client.query('begin isolation level repeatable read, read only');
  const channels = await listChannels(client, table, key.ship);
  await client.query(PLANNER_SETTINGS);
  const where = chunkCondition(key, channels);
  await refuseTooMany(client, table, where, buffer, key);
  const source = quoteTable(table);
  await copyInto(
    client,
    `copy (${groupedCells(source, where)}) to stdout (format binary)`,
    buffer,
    onBytes,
  );
  const cells = collectGroups(buffer);
  if (cells.oddChannels.size > 0) {
    const oddWhere = chunkCondition(key, [...cells.oddChannels]);
    const oddAt = buffer.length;
    await copyInto(
      client,
      `copy (${singleCells(source, oddWhere)}) to stdout (format binary)`,
      buffer,
      onBytes,
    );
    cells.odd.push(...collectSingles(buffer, oddAt));
  }
  await client.query('commit');
  return cells;
}

function chunkCondition({ ship, fromUs, toUs }: ChunkKey, channels: readonly string[]): string {
  const ids = channels.map((channel) => escapeLiteral(channel)).join(',');
  return (
    `ship_id = ${escapeLiteral(ship)} and data_channel_id = any(array[${ids}]::text[])` +
    ` and created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'`
  );
}

const NO_VALUE = 'double_v is null and long_v is null and bool_v is null and str_v is null';

const groupedCells = (source: string, where: string): string => `
  select data_channel_id, value_format, count(*), array_agg(created_time),
         array_agg(double_v) filter (where double_v is not null),
         array_agg(long_v) filter (where long_v is not null),
         array_agg(bool_v) filter (where bool_v is not null),
         array_agg(str_v) filter (where str_v is not null),
         array_agg(created_time) filter (where ${NO_VALUE})
    from ${source} where ${where} group by data_channel_id, value_format`;

const singleCells = (source: string, where: string): string =>
  `select data_channel_id, created_time, value_format, double_v, long_v, bool_v, str_v from ${source} where ${where}`;

/** The value columns in the order of both queries. */
const VALUE_TYPES: readonly ColumnType[] = ['double precision', 'bigint', 'boolean', 'text'];

/** Asks the planner, so that the source need not hold in memory what could not be taken anyway. */
async function refuseTooMany(
  client: PoolClient,
  table: TableName,
  where: string,
  buffer: CopyBuffer,
  key: ChunkKey,
): Promise<void> {
  const { rows } = await client.query(
    `explain (format json) select from ${quoteTable(table)} where ${where}`,
  );
  const estimate: number = rows[0]['QUERY PLAN'][0].Plan['Plan Rows'];
  if (estimate * BYTES_PER_CELL <= buffer.maxBytes * ESTIMATE_TOLERANCE) return;
  throw new FairleadError(
    'chunk-too-big',
    `${formatKey(key)}: about ${estimate} cells in ${formatTableName(table)}, room for ${Math.floor(buffer.maxBytes / BYTES_PER_CELL)}`,
  );
}

async function copyInto(
  client: PoolClient,
  statement: string,
  buffer: CopyBuffer,
  onBytes: ReadProgress,
): Promise<void> {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        buffer.append(chunk);
        onBytes(chunk.length);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  await pipeline(client.query(copyStreams.to(statement)), sink);
}

interface CollectedCells extends ChunkCells {
  oddChannels: Set<string>;
}

function collectGroups(buffer: CopyBuffer): CollectedCells {
  const plain = new Map<string, PlainCells>();
  const oddChannels = new Set<string>();
  const grids = new Grids();
  const arrivals = new ArrivalReader(buffer, grids);
  const scanner = new TupleScanner(buffer, 9);
  const strayNulls = new Map<string, number>();
  let read = 0;
  while (scanner.next()) {
    const group = readGroup(buffer, scanner.fields, arrivals);
    read += group.count;
    const cells = plainCellsOf(buffer, group);
    if (isStrayNulls(group))
      strayNulls.set(group.channel, (strayNulls.get(group.channel) ?? 0) + group.count);
    else if (cells && !plain.has(group.channel) && !oddChannels.has(group.channel))
      plain.set(group.channel, cells);
    else oddChannels.add(group.channel);
  }
  // What is read again cell by cell must not count twice.
  for (const channel of oddChannels) {
    plain.delete(channel);
    strayNulls.delete(channel);
  }
  const strays = [...strayNulls.values()].reduce((sum, count) => sum + count, 0);
  return {
    buffer,
    grids,
    read,
    plain: [...plain.values()],
    odd: [],
    strayNulls: strays,
    oddChannels,
  };
}

interface Group {
  channel: string;
  format: string | undefined;
  count: number;
  instants: Arrival;
  values: { type: ColumnType; count: number; firstElement: number }[];
  nulls: Arrival;
}

function readGroup(buffer: CopyBuffer, fields: Int32Array, arrivals: ArrivalReader): Group {
  const times = arrayField(buffer, fields[3]!);
  const nulls = arrayField(buffer, fields[8]!);
  return {
    channel: fieldText(buffer, fields[0]!)!,
    format: fieldText(buffer, fields[1]!),
    count: readInt64(buffer.view, fields[2]! + 4),
    instants: arrivals.read(times.firstElement, times.count),
    values: VALUE_TYPES.map((type, index) => ({
      type,
      ...arrayField(buffer, fields[4 + index]!),
    })).filter(({ count }) => count > 0),
    nulls: arrivals.read(nulls.firstElement, nulls.count),
  };
}

/** No value, and no format that would tell a column: nothing to write, and no row to write it to. */
const isStrayNulls = ({ format, count, nulls }: Group): boolean =>
  nulls.us.length === count && !(format !== undefined && isValueFormat(format));

/** The group's cells, when each one is plainly as its format says; undefined when any of them needs a closer look. */
function plainCellsOf(buffer: CopyBuffer, group: Group): PlainCells | undefined {
  const { channel, format, count, instants, nulls, values } = group;
  if (format === undefined || !isValueFormat(format) || !instants.grid) return undefined;
  const type = columnTypeOfFormat[format];
  const [value = { type, count: 0, firstElement: 0 }] = values;
  const asItShould =
    values.length <= 1 && value.type === type && value.count + nulls.us.length === count;
  if (!asItShould) return undefined;
  const fields = inGridOrder(instants, fieldsOf(buffer, instants.us, nulls.us, value.firstElement));
  return { channel, format, type, grid: instants.grid, fields, nulls: nulls.us.length };
}

/** Arrays keep the order of the rows, so the values belong to the instants that are not among the NULL cells. */
function fieldsOf(
  buffer: CopyBuffer,
  instants: Float64Array,
  nullInstants: Float64Array,
  firstElement: number,
): Int32Array {
  const fields = new Int32Array(instants.length);
  let at = firstElement;
  let nulls = 0;
  for (let index = 0; index < fields.length; index++) {
    if (nulls < nullInstants.length && instants[index] === nullInstants[nulls]) {
      fields[index] = NULL_CELL;
      nulls++;
    } else {
      fields[index] = at;
      at += 4 + buffer.view.getInt32(at);
    }
  }
  return fields;
}

function* collectSingles(buffer: CopyBuffer, headerAt: number): Generator<OddCell> {
  const scanner = new TupleScanner(buffer, 7, headerAt);
  while (scanner.next()) {
    const [channel, us, format, double, long, bool, text] = scanner.fields as unknown as number[];
    const fields = { 'double precision': double!, bigint: long!, boolean: bool!, text: text! };
    yield {
      channel: fieldText(buffer, channel!)!,
      us: readInt64(buffer.view, us! + 4),
      format: fieldText(buffer, format!),
      fields,
      valueTypes: VALUE_TYPES.filter((type) => !isNull(buffer, fields[type])),
    };
  }
}
