import type { ClientBase, PoolClient } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import type { ChunkProof } from '../../domain/migration.ts';
import { HOUR_US, formatInstant } from '../../domain/time.ts';
import { attemptName } from './attempt.ts';
import type { BookedChunk } from './book-cells.ts';
import type { ChunkProgress } from './chunk-progress.ts';
import { sumOfBooked } from './chunk-sum.ts';
import { withConnection } from './connection.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { formatKey, recordProof, requireToken, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { asFairleadError } from './postgres-failure.ts';
import { quarantineOf } from './quarantine-of.ts';
import { readBack } from './read-back.ts';
import { instantsOf, wideRowsOf } from './wide-rows.ts';
import {
  chooseWriteMode,
  countRows,
  rowsAppeared,
  writeChunk,
  type ChosenMode,
} from './write-chunk.ts';

/**
 * The target's transaction: writes a chunk, reads it back, compares, and commits it together with its ledger row.
 *
 * @param how what to do with rows that are there; without a forced mode, a look decides
 * @throws {FairleadError} `proof-failed`, `attempt-superseded`, `rows-appeared`, `commit-unknown`, …; nothing is
 *   committed then, but after `commit-unknown` only the ledger knows
 */
export function proveInTarget(
  { target, buffers }: MigrationDatabases,
  key: ChunkKey,
  token: number,
  booked: BookedChunk,
  startedAt: number,
  progress: ChunkProgress,
  how: { forced?: ChosenMode; overwrite: boolean },
): Promise<ChunkProof> {
  const options = {
    name: attemptName(target, key, token),
    purpose: 'write' as const,
    subject: formatKey(key),
    signal: progress.signal,
    watch: progress.watch,
  };
  return withConnection(target, options, (client) =>
    buffers.use('rows', async (scratch) => {
      progress.enter('wait', booked.counts.read);
      await client.query('begin');
      await lockHours(client, key);
      await requireToken(client, key, token);
      progress.enter('write', booked.counts.read);
      const chosen = how.forced ?? (await chooseWriteMode(client, key, scratch, how.overwrite));
      const cleared = await writeChunk(client, key, booked, chosen);
      progress.enter('verify', booked.counts.read);
      const written = { mode: chosen.mode, cleared };
      const proof = await prove(client, key, booked, written, startedAt, scratch);
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
  { mode, cleared }: { mode: ChosenMode['mode']; cleared: number },
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
  if (mode === 'merge') await requireOwnRows(client, key, booked, cleared);
  const now = performance.now();
  const outcome = {
    cells: booked.counts,
    foreign,
    instants: instantsOf(booked.written).length,
    checksum: read.checksum,
    seconds: (now - startedAt) / 1_000,
  };
  await recordProof(client, key, outcome);
  const quarantine = quarantineOf(booked);
  return {
    ...outcome,
    from: formatInstant(key.fromUs),
    to: formatInstant(key.toUs),
    status: booked.counts.read === 0 ? 'empty' : 'done',
    verifySeconds: (now - verifyStartedAt) / 1_000,
    provenBefore: false,
    ...(quarantine && { quarantine }),
  };
}

async function requireOwnRows(
  client: PoolClient,
  key: ChunkKey,
  { written }: BookedChunk,
  cleared: number,
): Promise<void> {
  const expected = wideRowsOf(written).reduce((sum, { rows }) => sum + rows.length, cleared);
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
