import { setTimeout as sleep } from 'node:timers/promises';
import type { MigrationFunctions } from '../../activities/migration-activities.ts';
import { inTransaction, withConnection } from '../../activities/postgres/connection.ts';
import {
  claimChunk,
  recordProof,
  requireToken,
  type ChunkKey,
} from '../../activities/postgres/ledger.ts';
import type { MigrationDatabases } from '../../activities/postgres/migration-databases.ts';
import { CellSum } from '../../domain/cell-hash.ts';
import { noCells, spanOf } from '../../domain/migration-progress.ts';

/** A chunk that takes its time and its places in the ledger as a copied one does, and moves no cell. */
export function sleepingCopy(
  { target }: Pick<MigrationDatabases, 'target'>,
  sleepMs: number,
): MigrationFunctions['copyChunk'] {
  return async ({ ship, from, to }, run) => {
    const key: ChunkKey = { ship, ...spanOf({ from, to }) };
    const use = { name: `fairlead/scale/${ship}`, signal: run.signal };
    const token = await withConnection(target, use, (client) => claimChunk(client, key));
    run.heartbeat({ stage: 'read', cells: 0, bytes: 0, silentSeconds: 0 });
    await sleep(sleepMs, undefined, { signal: run.signal });
    const outcome = {
      cells: { ...noCells(), read: 1, written: 1 },
      foreign: 0,
      instants: 1,
      checksum: new CellSum().checksum,
      seconds: sleepMs / 1_000,
    };
    await withConnection(target, use, (client) =>
      inTransaction(client, async () => {
        await requireToken(client, key, token);
        await recordProof(client, key, outcome);
      }),
    );
    return { ...outcome, from, to, status: 'done', verifySeconds: 0, provenBefore: false };
  };
}
