import { halvesOf } from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { ChunkFailure, ChunkProof, InstantRange } from '../../domain/migration.ts';
import { MINUTE_US, formatInstant, parseInstant } from '../../domain/time.ts';
import { inTransaction, withConnection } from './connection.ts';
import { formatKey, recordFailure, recordSplit, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';

const keyOf = ({ ship, from, to }: ChunkFailure): ChunkKey => ({
  ship,
  fromUs: parseInstant(from),
  toUs: parseInstant(to),
});

/**
 * Writes to the ledger that a chunk failed for good; a transaction of its own, because the chunk's is gone.
 *
 * @returns instead, the proof of an attempt that was given up and has committed after all
 */
export async function settleAsFailed(
  { target }: MigrationDatabases,
  failure: ChunkFailure,
): Promise<ChunkProof | undefined> {
  return withConnection(target, { name: `fairlead/fail/${failure.ship}` }, (client) =>
    inTransaction(client, () => recordFailure(client, keyOf(failure), failure.message, failure)),
  );
}

/**
 * Splits a chunk that was too big in two, with its lineage in the ledger.
 *
 * @returns the halves; the proof instead, when an attempt that was given up has committed after all
 * @throws {FairleadError} `data-refused` when the chunk is too narrow to be split
 */
export async function splitChunk(
  { target }: MigrationDatabases,
  failure: ChunkFailure,
): Promise<InstantRange[] | ChunkProof> {
  const key = keyOf(failure);
  if (key.toUs - key.fromUs < 2 * MINUTE_US) throw tooNarrow(key, failure.message);
  const halves = halvesOf(key);
  const proof = await withConnection(target, { name: `fairlead/split/${key.ship}` }, (client) =>
    inTransaction(client, () => recordSplit(client, key, halves, failure.message, failure)),
  );
  if (proof) return proof;
  return halves.map(({ fromUs, toUs }) => ({
    from: formatInstant(fromUs),
    to: formatInstant(toUs),
  }));
}

const tooNarrow = (key: ChunkKey, message: string) =>
  new FairleadError(
    'data-refused',
    `${formatKey(key)}: too big, and too narrow to be split further: ${message}`,
    {
      hint: 'Raise statementTimeout under [timing], or maxBufferBytes under [migration], in fairlead.toml.',
    },
  );
