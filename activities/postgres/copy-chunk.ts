import { FairleadError } from '../../domain/errors.ts';
import type { ChunkProof, CopyChunkInput } from '../../domain/migration.ts';
import { parseInstant } from '../../domain/time.ts';
import type { CopyChunkRun } from '../migration-activities.ts';
import { attemptName, endOlderAttempts } from './attempt.ts';
import { bookCells } from './book-cells.ts';
import type { ChunkCells } from './cells.ts';
import { ChunkProgress } from './chunk-progress.ts';
import { withConnection } from './connection.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { requireInstallation } from './fairlead-schema.ts';
import { columnsOf } from './late-columns.ts';
import { claimChunk, findProof, formatKey, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { proveInTarget } from './prove-chunk.ts';
import { readChunk } from './read-chunk.ts';
import type { ChosenMode } from './write-chunk.ts';

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
    return await databases.buffers.use('chunk', (buffer) =>
      copyClaimed(databases, key, claim.token, buffer, progress, input.repair === true),
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
  return withConnection(
    target,
    { name, subject: formatKey(key), signal: progress.signal, watch: progress.watch },
    async (client) => {
      await requireInstallation(client, input.installation);
      const proof = await findProof(client, key, input);
      if (proof) return { proof };
      await endOlderAttempts(client, key);
      const token = await claimChunk(client, key);
      // The claim waits for an older attempt that was just committing.
      const late = await findProof(client, key, input);
      return late ? { proof: late } : { token };
    },
  );
}

async function copyClaimed(
  databases: MigrationDatabases,
  key: ChunkKey,
  token: number,
  buffer: CopyBuffer,
  progress: ChunkProgress,
  overwrite: boolean,
): Promise<ChunkProof> {
  const startedAt = performance.now();
  const cells = await readSource(databases, key, token, buffer, progress);
  const columns = await columnsOf(databases, key, cells, progress);
  const booked = bookCells(cells, columns);
  const attempt = (forced?: ChosenMode) => {
    const how = { overwrite, ...(forced && { forced }) };
    return proveInTarget(databases, key, token, booked, startedAt, progress, how);
  };
  try {
    return await attempt();
  } catch (error) {
    if (!wasOvertaken(error)) throw error;
    return await attempt({ mode: 'merge', overwrite });
  }
}

async function readSource(
  databases: MigrationDatabases,
  key: ChunkKey,
  token: number,
  buffer: CopyBuffer,
  progress: ChunkProgress,
): Promise<ChunkCells> {
  return readChunk(databases, key, buffer, {
    name: attemptName(databases.source, key, token),
    subject: formatKey(key),
    signal: progress.signal,
    watch: progress.watch,
    onProgress: (bytes) => progress.moved(bytes),
    onAnswer: (seconds) => progress.sourceAnswered(seconds),
    slot: {
      withinMs: progress.slotWithinMs,
      onWait: () => progress.enter('slot'),
      onTaken: () => progress.enter('read'),
    },
  });
}

/** Another writer put a row where none was when this transaction looked: at an instant of the chunk, or at another. */
const wasOvertaken = (error: unknown): boolean =>
  error instanceof FairleadError &&
  (error.code === 'rows-appeared' || (error.cause as { code?: string })?.code === '23505');
