import type { MigrationFunctions } from '../migration-activities.ts';
import { copyChunk } from './copy-chunk.ts';
import { planChunksAndLate } from './late/reopen-late-chunks.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { findOpenRanges, planChunksOfRanges } from './plan-ranges.ts';
import { planShip, prepareTarget } from './plan-ship.ts';
import { settleAsFailed, splitChunk } from './settle-chunk.ts';
import { summarizeShip } from './summarize-ship.ts';
import { verifyBatch } from './verify-batch.ts';

/** Binds what the activities do to their databases. */
export function createMigrationFunctions(databases: MigrationDatabases): MigrationFunctions {
  return {
    planShip: (request, { signal }) => planShip({ ...databases, signal }, request),
    prepareTarget: (plan, { signal }) => prepareTarget({ ...databases, signal }, plan),
    planChunks: (input, { signal, timeoutMs }) =>
      input.ranges
        ? planChunksOfRanges({ ...databases, signal }, input, input.ranges)
        : planChunksAndLate({ ...databases, signal }, input, timeoutMs),
    findOpenRanges: (input, { signal }) => findOpenRanges({ ...databases, signal }, input),
    copyChunk: (input, run) => copyChunk(databases, input, run),
    splitChunk: (failure) => splitChunk(databases, failure),
    recordFailure: (failure) => settleAsFailed(databases, failure),
    summarizeShip: (plan) => summarizeShip(databases, plan),
    verifyBatch: (input, run) => verifyBatch(databases, input, run),
  };
}
