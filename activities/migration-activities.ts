import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import type { FleetOutcome } from '../domain/fleet-migration.ts';
import type {
  ChunkBatch,
  ChunkComparison,
  ChunkFailure,
  ChunkProof,
  CopyChunkHeartbeat,
  CopyChunkInput,
  FindOpenRangesInput,
  InstantRange,
  MigrationRequest,
  OpenRanges,
  PlanChunksInput,
  ShipPlan,
  ShipReport,
  VerifyBatchInput,
} from '../domain/migration.ts';
import { applicationFailureOf } from './application-failure-of.ts';
import { awaitShip, type AwaitShipInput } from './await-ship.ts';

/** How often an activity says that it lives, while what it calls has nothing to say. */
const HEARTBEAT_INTERVAL_MS = 2_000;
/** Who only waits says so three times in the time that it has: there is one of them for each ship under way. */
const HEARTBEATS_OF_A_WAIT = 3;

/** What a function learns of the activity that runs it. */
export interface ActivityRun {
  signal: AbortSignal;
}

export interface TimedRun extends ActivityRun {
  /** What this attempt may take, from its start. */
  timeoutMs: number;
}

export interface CopyChunkRun extends ActivityRun, Partial<Pick<TimedRun, 'timeoutMs'>> {
  heartbeat(details: CopyChunkHeartbeat): void;
  /** How long the source took to answer a statement that does nothing. */
  sourceAnswered?(seconds: number): void;
}

/** What the activities do, bound to its databases; each one throws FairleadError. */
export interface MigrationFunctions {
  planShip(request: MigrationRequest, run: ActivityRun): Promise<ShipPlan>;
  prepareTarget(plan: ShipPlan, run: ActivityRun): Promise<void>;
  planChunks(input: PlanChunksInput, run: TimedRun): Promise<ChunkBatch>;
  findOpenRanges(input: FindOpenRangesInput, run: ActivityRun): Promise<OpenRanges>;
  copyChunk(input: CopyChunkInput, run: CopyChunkRun): Promise<ChunkProof>;
  /**
   * @returns the proof instead, as {@link recordFailure} does, when the chunk is proven after all
   * @throws {FairleadError} of kind `data` when the range cannot be split
   */
  splitChunk(failure: ChunkFailure): Promise<InstantRange[] | ChunkProof>;
  recordFailure(failure: ChunkFailure): Promise<ChunkProof | undefined>;
  summarizeShip(plan: ShipPlan): Promise<ShipReport>;
  verifyBatch(input: VerifyBatchInput, run: TimedRun): Promise<ChunkComparison>;
}

export interface MigrationActivities {
  planShip(request: MigrationRequest): Promise<ShipPlan>;
  prepareTarget(plan: ShipPlan): Promise<void>;
  planChunks(input: PlanChunksInput): Promise<ChunkBatch>;
  findOpenRanges(input: FindOpenRangesInput): Promise<OpenRanges>;
  copyChunk(input: CopyChunkInput): Promise<ChunkProof>;
  splitChunk(failure: ChunkFailure): Promise<InstantRange[] | ChunkProof>;
  recordFailure(failure: ChunkFailure): Promise<ChunkProof | undefined>;
  summarizeShip(plan: ShipPlan): Promise<ShipReport>;
  verifyBatch(input: VerifyBatchInput): Promise<ChunkComparison>;
  awaitShip(input: AwaitShipInput): Promise<FleetOutcome>;
  /** Asks the server to cancel the workflow that calls this. */
  requestCancellation(): Promise<void>;
}

/** Those that move cells, and have a task queue of their own. */
export type ChunkActivities = Pick<MigrationActivities, 'copyChunk' | 'verifyBatch'>;

export const chunkActivitiesOf = (activities: MigrationActivities): ChunkActivities => ({
  copyChunk: (input) => activities.copyChunk(input),
  verifyBatch: (input) => activities.verifyBatch(input),
});

/**
 * @param client on a connection that ends a call at once when it is told to: a worker's own one does not
 */
export function createMigrationActivities(
  functions: MigrationFunctions,
  client: Client,
): MigrationActivities {
  return {
    planShip: (request) => alive((run) => functions.planShip(request, run)),
    prepareTarget: (plan) => alive((run) => functions.prepareTarget(plan, run)),
    planChunks: (input) => alive((run) => functions.planChunks(input, run)),
    findOpenRanges: (input) => alive((run) => functions.findOpenRanges(input, run)),
    copyChunk: (input) => translated((run) => functions.copyChunk(input, run)),
    splitChunk: (failure) => alive(() => functions.splitChunk(failure)),
    recordFailure: (failure) => alive(() => functions.recordFailure(failure)),
    summarizeShip: (plan) => alive(() => functions.summarizeShip(plan)),
    verifyBatch: (input) => alive((run) => functions.verifyBatch(input, run)),
    awaitShip: (input) => {
      const { info } = Context.current();
      const everyMs = (info.heartbeatTimeoutMs ?? HEARTBEAT_INTERVAL_MS) / HEARTBEATS_OF_A_WAIT;
      const wait = ({ signal }: ActivityRun) =>
        client.withAbortSignal(signal, () => awaitShip(input, client.workflow));
      return alive(wait, everyMs);
    },
    requestCancellation: () => alive(requestCancellation),
  };
}

async function requestCancellation(): Promise<void> {
  const { client, info } = Context.current();
  const { workflowId, runId } = info.workflowExecution!;
  await client.workflow.getHandle(workflowId, runId).cancel();
}

/** Runs something that has no progress of its own to tell. */
async function alive<T>(
  action: (run: CopyChunkRun & TimedRun) => Promise<T>,
  everyMs = HEARTBEAT_INTERVAL_MS,
): Promise<T> {
  return translated(async (run) => {
    const { heartbeat } = Context.current();
    const timer = setInterval(() => heartbeat(), everyMs);
    try {
      return await action(run);
    } finally {
      clearInterval(timer);
    }
  });
}

/** Throws what Temporal and the workflow understand; a cancelled activity throws the signal's own reason. */
async function translated<T>(action: (run: CopyChunkRun & TimedRun) => Promise<T>): Promise<T> {
  const { cancellationSignal: signal, heartbeat, info } = Context.current();
  try {
    return await action({ signal, heartbeat, timeoutMs: info.startToCloseTimeoutMs });
  } catch (error) {
    signal.throwIfAborted();
    throw applicationFailureOf(error);
  }
}
