import type { ClientBase, PoolClient } from 'pg';
import { columnSeed } from '../../domain/cell-hash.ts';
import { columnTypeOf, type ColumnType } from '../../domain/value-format.ts';
import type { ChannelColumn, TypedChannel } from '../../domain/wide-layout.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { ChunkProof, CopyChunkHeartbeat, CopyChunkInput } from '../../domain/migration.ts';
import { HOUR_US, formatInstant, parseInstant } from '../../domain/time.ts';
import { bookCells, type BookedChunk } from './book-cells.ts';
import type { ChunkCells } from './cells.ts';
import { ChunkProgress } from './chunk-progress.ts';
import { sumOfBooked } from './chunk-sum.ts';
import { withConnection } from './connection.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { requireInstallation } from './fairlead-schema.ts';
import { layoutOf } from './layout-of.ts';
import {
  claimChunk,
  findProof,
  formatKey,
  recordProof,
  requireToken,
  type ChunkKey,
} from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { asFairleadError } from './postgres-failure.ts';
import { readBack } from './read-back.ts';
import { readChunk } from './read-chunk.ts';
import { extendTarget, loadChannelMap } from './wide-table.ts';
import { instantsOf, wideRowsOf } from './wide-rows.ts';
import {
  chooseWriteMode,
  countRows,
  rowsAppeared,
  writeChunk,
  type ChosenMode,
} from './write-chunk.ts';

export interface CopyChunkRun {
  signal: AbortSignal;
  heartbeat: (details: CopyChunkHeartbeat) => void;
}

/**
 * Copies one chunk of a ship from the narrow table to its wide tables, and proves it. Safe to run any number of
 * times, also twice at once, also with an overlapping range.
 *
 * @returns the proof; the one of an earlier attempt where that had committed
 * @throws {FairleadError} when the chunk is not in the ledger as proven by this attempt
 * @see docs/migration.md#one-chunk
 */
export async function copyChunk(
  databases: MigrationDatabases,
  input: CopyChunkInput,
  run: CopyChunkRun,
): Promise<ChunkProof> {
  const key = { ship: input.ship, fromUs: parseInstant(input.from), toUs: parseInstant(input.to) };
  const progress = new ChunkProgress(key, databases, run);
  try {
    const claim = await claimOrFindProof(databases, input, key, progress);
    if ('proof' in claim) return claim.proof;
    return await databases.buffers.use((buffer) =>
      copyClaimed(databases, key, claim.token, buffer, progress),
    );
  } catch (error) {
    throw progress.stalled ?? error;
  } finally {
    progress.end();
  }
}

async function claimOrFindProof(
  { target }: MigrationDatabases,
  input: CopyChunkInput,
  key: ChunkKey,
  progress: ChunkProgress,
): Promise<{ proof: ChunkProof } | { token: number }> {
  progress.enter('claim');
  const name = `fairlead/claim/${key.ship}`;
  return withConnection(target, { name, signal: progress.signal }, async (client) => {
    await requireInstallation(client, input.installation);
    const settledAfter = input.redo ? input.startedAt : '-infinity';
    const proof = await findProof(client, key, settledAfter);
    if (proof) return { proof };
    await endOlderAttempts(client, key);
    const token = await claimChunk(client, key);
    // The claim waits for an older attempt that was just committing.
    const late = await findProof(client, key, settledAfter);
    return late ? { proof: late } : { token };
  });
}

async function copyClaimed(
  databases: MigrationDatabases,
  key: ChunkKey,
  token: number,
  buffer: CopyBuffer,
  progress: ChunkProgress,
): Promise<ChunkProof> {
  const startedAt = performance.now();
  const cells = await readSource(databases, key, token, buffer, progress);
  const columns = await columnsOf(databases, key, cells, progress);
  const booked = bookCells(cells, columns);
  const attempt = (mode?: ChosenMode) =>
    proveInTarget(databases, key, token, booked, startedAt, progress, mode);
  try {
    return await attempt();
  } catch (error) {
    if (!wasOvertaken(error)) throw error;
    return await attempt({ mode: 'merge' });
  }
}

function readSource(
  databases: MigrationDatabases,
  key: ChunkKey,
  token: number,
  buffer: CopyBuffer,
  progress: ChunkProgress,
): Promise<ChunkCells> {
  progress.enter('read');
  return readChunk(databases, key, buffer, {
    name: attemptName(key, token),
    signal: progress.signal,
    onConnected: (client) => progress.watch(databases.source, client),
    onBytes: (bytes) => progress.moved(bytes),
  });
}

/** Where the cells' channels go; those that the plan did not know get their columns now. */
async function columnsOf(
  databases: MigrationDatabases,
  key: ChunkKey,
  cells: ChunkCells,
  progress: ChunkProgress,
): Promise<Map<string, ChannelColumn>> {
  progress.enter('columns', cells.read);
  const options = { name: `fairlead/columns/${key.ship}`, signal: progress.signal };
  const columns = await withConnection(databases.target, options, async (client) => {
    const known = byChannel(await loadChannelMap(client, key.ship));
    const types = lateChannels(cells, known, databases.channelTypes);
    if (types.length === 0) return known;
    return byChannel(await extendTarget(client, key.ship, types, layoutOf(databases, key.ship)));
  });
  return columns;
}

const byChannel = (columns: readonly ChannelColumn[]): Map<string, ChannelColumn> =>
  new Map(columns.map((column) => [column.channel, column]));

/** Channels that have no column, with the type that all their cells in the chunk tell. */
function lateChannels(
  { plain, odd }: ChunkCells,
  known: ReadonlyMap<string, ChannelColumn>,
  prescribed: ReadonlyMap<string, ColumnType>,
): TypedChannel[] {
  const formats = new Map<string, Map<string, number>>();
  const count = (channel: string, format: string | undefined, cells: number) => {
    if (known.has(channel) || format === undefined) return;
    const counts = formats.get(channel) ?? new Map<string, number>();
    formats.set(channel, counts.set(format, (counts.get(format) ?? 0) + cells));
  };
  for (const { channel, format, grid } of plain) count(channel, format, grid.us.length);
  for (const { channel, format } of odd) count(channel, format, 1);
  return [...formats].flatMap(([channel, counts]) => {
    const type = columnTypeOf(counts);
    return type === undefined ? [] : [{ channel, type: prescribed.get(channel) ?? type }];
  });
}

function proveInTarget(
  { target, buffers }: MigrationDatabases,
  key: ChunkKey,
  token: number,
  booked: BookedChunk,
  startedAt: number,
  progress: ChunkProgress,
  forcedMode: ChosenMode | undefined,
): Promise<ChunkProof> {
  const options = { name: attemptName(key, token), signal: progress.signal };
  return withConnection(target, options, (client) =>
    buffers.use(async (scratch) => {
      progress.watch(target, client);
      progress.enter('wait', booked.counts.read);
      await client.query("begin; set local lock_timeout = '60s'");
      await lockHours(client, key);
      await requireToken(client, key, token);
      progress.enter('write', booked.counts.read);
      const chosen = forcedMode ?? (await chooseWriteMode(client, key, scratch));
      await writeChunk(client, key, booked, chosen);
      progress.enter('verify', booked.counts.read);
      const proof = await prove(client, key, booked, chosen.mode, startedAt, scratch);
      progress.enter('commit', booked.counts.read);
      await commit(client, key);
      return proof;
    }),
  );
}

/** Excludes every other writer of ours in these hours, whatever its chunk's width. */
async function lockHours(client: ClientBase, { ship, fromUs, toUs }: ChunkKey): Promise<void> {
  await client.query(
    'select pg_advisory_xact_lock(hashtext($1), hour) from generate_series($2::int, $3::int) as hour',
    [ship, Math.floor(fromUs / HOUR_US), Math.ceil(toUs / HOUR_US) - 1],
  );
}

/** Reads back what was written, compares it with what was read, and writes the ledger row. */
async function prove(
  client: PoolClient,
  key: ChunkKey,
  booked: BookedChunk,
  mode: ChosenMode['mode'],
  startedAt: number,
  scratch: CopyBuffer,
): Promise<ChunkProof> {
  const verifyStartedAt = performance.now();
  const read = sumOfBooked(booked);
  const { sum, foreign } = await readBack(
    client,
    key,
    scratch,
    mode === 'merge' ? booked.written : undefined,
  );
  if (sum.cells !== read.cells || sum.checksum !== read.checksum) {
    if (mode !== 'merge' && (await countRows(client, key)).others > 0) throw rowsAppeared(key);
    throw proofFailed(
      key,
      `wrote ${read.cells} cells with checksum ${read.checksum}, the wide tables hold ${sum.cells} with ${sum.checksum}`,
    );
  }
  // A merge takes cells that are not its own for foreign ones, so it has to know whose rows they are in.
  if (mode === 'merge') await requireOwnRows(client, key, booked);
  const now = performance.now();
  const outcome = {
    cells: booked.counts,
    foreign,
    instants: instantsOf(booked.written).length,
    checksum: read.checksum,
    seconds: (now - startedAt) / 1_000,
  };
  await recordProof(client, key, outcome);
  return {
    ...outcome,
    from: formatInstant(key.fromUs),
    to: formatInstant(key.toUs),
    status: booked.counts.read === 0 ? 'empty' : 'done',
    verifySeconds: (now - verifyStartedAt) / 1_000,
    provenBefore: false,
  };
}

async function requireOwnRows(
  client: PoolClient,
  key: ChunkKey,
  { written }: BookedChunk,
): Promise<void> {
  const expected = wideRowsOf(written).reduce((sum, { rows }) => sum + rows.length, 0);
  const { own } = await countRows(client, key);
  if (own === expected) return;
  throw proofFailed(
    key,
    `merged ${expected} rows, the wide tables hold ${own} of this transaction`,
  );
}

const proofFailed = (key: ChunkKey, what: string) =>
  new FairleadError('proof-failed', `${formatKey(key)}: ${what}`, {
    hint: 'Nothing was committed. Look for triggers or rules on the wide tables.',
  });

/** A COMMIT whose answer was lost may have happened: the next attempt finds out from the ledger. */
async function commit(client: PoolClient, key: ChunkKey): Promise<void> {
  try {
    await client.query('commit');
  } catch (error) {
    const failure = asFairleadError(error, formatKey(key));
    if (failure.kind !== 'transient') throw failure;
    throw new FairleadError('commit-unknown', `${formatKey(key)}: the answer to COMMIT was lost`, {
      cause: error,
    });
  }
}

/** Another writer put a row where none was when this transaction looked: at an instant of the chunk, or at another. */
const wasOvertaken = (error: unknown): boolean =>
  error instanceof FairleadError &&
  (error.code === 'rows-appeared' || (error.cause as { code?: string })?.code === '23505');

/** `application_name` of an attempt, within its 63 bytes: it tells whose backend this is. */
function attemptName(key: ChunkKey, token: number): string {
  return `${attemptPrefix(key)}${token}`;
}

function attemptPrefix({ ship, fromUs, toUs }: ChunkKey): string {
  return `fairlead/${shipLabel(ship)}/${fromUs.toString(36)}-${toUs.toString(36)}/`;
}

/** The ship as far as an application name can bear it, and different for every ship: attempts end each other by it. */
function shipLabel(ship: string): string {
  const printable = ship.replace(/[^\x20-\x7e]/g, '?');
  if (printable === ship && ship.length <= 24) return ship;
  return `${printable.slice(0, 16)}~${(columnSeed(ship, 'ship').first >>> 0).toString(36)}`;
}

/**
 * A worker that lost its network would hold the chunk's locks until the server notices. An idle backend holds none:
 * it lies in a pool, still with the name of its last work, and may be taken up by someone at this moment.
 */
async function endOlderAttempts(client: ClientBase, key: ChunkKey): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where starts_with(application_name, $1) and pid <> pg_backend_pid() and datname = current_database()
        and usename = current_user and state <> 'idle'`,
    [attemptPrefix(key)],
  );
}
