import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import { halvesOf, type Span } from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import { MINUTE_US } from '../../domain/time.ts';
import { formatTableName, type TableName } from '../../domain/table-name.ts';
import type { ChunkCells } from './cells.ts';
import { collectGroups, collectSingles } from './collect-cells.ts';
import { withConnection, type ConnectionUse } from './connection.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { listChannels } from './channel-probes.ts';
import { quoteTable } from './narrow-table.ts';
import { asFairleadError } from './postgres-failure.ts';
import type { SlotUse, TakeSlot } from './source-slots.ts';
import { formatKey, timestampText, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';

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
export const PLANNER_SETTINGS = `
  set local enable_indexscan = off;
  set local enable_sort = off;
  set local work_mem = '1GB';
  set local max_parallel_workers_per_gather = 0`;

export interface ReadRun extends Omit<ConnectionUse, 'purpose'> {
  /** Called with the bytes that arrived, and with 0 when a step without any is done. */
  onProgress?: (bytes: number) => void;
  /** Called with how long the source took to answer a statement that does nothing. */
  onAnswer?: (seconds: number) => void;
  /** How long to wait for a slot of the source, and who is told of it. */
  slot?: Pick<SlotUse, 'withinMs' | 'onWait'> & { onTaken?: () => void };
}

/**
 * Reads all cells of a ship's chunk in one snapshot, without holding back the source, once the source has a slot for it.
 *
 * The source answers with one row per channel and value format, the cells in arrays: half the time and a quarter
 * of the bytes of one row per cell. Where the pool has room, two connections read half of the time each. Channels in
 * which anything is odd are read again, cell by cell, in the same snapshot. The channels are listed in that snapshot
 * too, so that a new one is read, not lost.
 *
 * @param buffer takes the bytes; it bounds what one chunk may hold
 * @see docs/migration.md#reading
 */
export function readChunk(
  databases: ReadDatabases,
  key: ChunkKey,
  buffer: CopyBuffer,
  run: ReadRun,
): Promise<ChunkCells> {
  const { subject = run.name, signal, slot } = run;
  return databases.sourceSlots.use({ subject, signal, ...slot }, (takeSlot) =>
    readInSlot(databases, key, buffer, run, takeSlot),
  );
}

/** @returns undefined where no slot was free; no transaction is open then */
function readInSlot(
  databases: ReadDatabases,
  key: ChunkKey,
  buffer: CopyBuffer,
  run: ReadRun,
  takeSlot: TakeSlot,
): Promise<ChunkCells | undefined> {
  const { source, sourceTable: table } = databases;
  const both = endedTogether(run);
  return withConnection(source, both.run, async (client) => {
    const askedAt = performance.now();
    await client.query('begin isolation level repeatable read, read only');
    const answeredAt = performance.now();
    if (!(await takeSlot(client))) {
      await client.query('rollback');
      return undefined;
    }
    run.slot?.onTaken?.();
    run.onAnswer?.((answeredAt - askedAt) / 1_000);
    const channels = await listChannels(client, table, key.ship);
    run.onProgress?.(0);
    await client.query(PLANNER_SETTINGS);
    await refuseTooMany(client, table, chunkCondition(key, channels), buffer, key);
    run.onProgress?.(0);
    const spans = await copyGroups(databases, client, key, channels, buffer, both);
    const cells = collectGroups(buffer, spans);
    if (cells.oddChannels.size > 0) {
      const oddAt = buffer.length;
      const where = chunkCondition(key, [...cells.oddChannels]);
      await copyInto(client, singleCells(quoteTable(table), where), buffer, run);
      cells.odd.push(...collectSingles(buffer, oddAt));
    }
    await client.query('commit');
    return cells;
  });
}

/** The connections that read one chunk: when one of them fails, the others are ended, and its error is that of all. */
interface ReadTogether {
  run: ReadRun & { purpose: 'read' };
  fail: (error: unknown) => void;
}

function endedTogether(run: ReadRun): ReadTogether {
  const stop = new AbortController();
  const signals = run.signal ? [run.signal, stop.signal] : [stop.signal];
  return {
    run: { ...run, purpose: 'read', signal: AbortSignal.any(signals) },
    fail: (error) => stop.abort(asFairleadError(error, run.subject ?? run.name)),
  };
}

type ReadDatabases = Pick<MigrationDatabases, 'source' | 'sourceSlots' | 'sourceTable' | 'buffers'>;

/** @returns where in the buffer each COPY begins */
async function copyGroups(
  databases: ReadDatabases,
  client: PoolClient,
  key: ChunkKey,
  channels: readonly string[],
  buffer: CopyBuffer,
  { run, fail }: ReadTogether,
): Promise<number[]> {
  const { source, sourceTable, buffers } = databases;
  const statement = (half: Span) =>
    groupedCells(quoteTable(sourceTable), chunkCondition({ ...key, ...half }, channels));
  if (key.toUs - key.fromUs < MINUTE_US || !hasRoom(source)) {
    await copyInto(client, statement(key), buffer, run);
    return [0];
  }
  const [earlier, later] = halvesOf(key);
  const { rows } = await client.query('select pg_export_snapshot() as snapshot');
  return buffers.use('half', async (second) => {
    await bothOrFirstError(
      fail,
      copyInto(client, statement(earlier), buffer, run),
      copyInSnapshot(source, rows[0].snapshot, statement(later), second, run),
    );
    const laterAt = buffer.length;
    buffer.append(second.bytes.subarray(0, second.length));
    return [0, laterAt];
  });
}

/** A connection that nobody waits for, so that a chunk's second one never keeps another chunk from its first. */
const hasRoom = ({ idleCount, totalCount, waitingCount, options }: Pool): boolean =>
  waitingCount === 0 && idleCount + options.max - totalCount > options.max / 4;

function copyInSnapshot(
  source: Pool,
  snapshot: string,
  statement: string,
  buffer: CopyBuffer,
  run: ReadTogether['run'],
): Promise<void> {
  return withConnection(source, run, async (client) => {
    await client.query('begin isolation level repeatable read, read only');
    await joinSnapshot(client, snapshot, run.name);
    await client.query(PLANNER_SETTINGS);
    await copyInto(client, statement, buffer, run);
    await client.query('commit');
  });
}

/** A snapshot ends with the connection that exported it: then that one's end is the reason, whatever the server says here. */
async function joinSnapshot(client: PoolClient, snapshot: string, name: string): Promise<void> {
  try {
    await client.query(`set transaction snapshot '${snapshot}'`);
  } catch (error) {
    const message = `${name}: the first connection ended before the second could share its snapshot`;
    throw new FairleadError('connection-lost', message, { cause: error });
  }
}

/**
 * Waits for both, because both write into buffers that are used again; a failed one ends the other, which may
 * lie on a path that is dead.
 */
async function bothOrFirstError(
  fail: (error: unknown) => void,
  ...both: Promise<void>[]
): Promise<void> {
  const errors: unknown[] = [];
  const noteError = (error: unknown) => {
    if (errors.push(error) === 1) fail(error);
  };
  await Promise.all(both.map((each) => each.catch(noteError)));
  if (errors.length > 0) throw errors[0];
}

export function chunkCondition(
  { ship, fromUs, toUs }: ChunkKey,
  channels: readonly string[],
): string {
  const ids = channels.map((channel) => escapeLiteral(channel)).join(',');
  return (
    `ship_id = ${escapeLiteral(ship)} and data_channel_id = any(array[${ids}]::text[])` +
    ` and created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'`
  );
}

const NO_VALUE = 'double_v is null and long_v is null and bool_v is null and str_v is null';

/** What a chunk is read by: one row per channel and value format. */
export const groupedCells = (source: string, where: string): string => `
  select data_channel_id, value_format, count(*), array_agg(created_time),
         array_agg(double_v) filter (where double_v is not null),
         array_agg(long_v) filter (where long_v is not null),
         array_agg(bool_v) filter (where bool_v is not null),
         array_agg(str_v) filter (where str_v is not null),
         array_agg(created_time) filter (where ${NO_VALUE})
    from ${source} where ${where} group by data_channel_id, value_format`;

const singleCells = (source: string, where: string): string =>
  `select data_channel_id, created_time, value_format, double_v, long_v, bool_v, str_v from ${source} where ${where}`;

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
  query: string,
  buffer: CopyBuffer,
  { onProgress }: ReadRun,
): Promise<void> {
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        buffer.append(chunk);
        onProgress?.(chunk.length);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const statement = `copy (${query}) to stdout (format binary)`;
  await pipeline(client.query(copyStreams.to(statement)), sink);
}
