import {
  ActivityCancellationType,
  proxyActivities,
  workflowInfo,
  type ActivityInterfaceFor,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { ChunkActivities, MigrationActivities } from '../activities/migration-activities.ts';
import { chunkTimeWithSlotMs, type MigrationTiming } from '../domain/migration-timing.ts';
import { chunkQueueBeside } from '../domain/names.ts';

export type Activities = ActivityInterfaceFor<Omit<MigrationActivities, keyof ChunkActivities>>;

export interface ActivitiesOfMigration {
  /** Everything but chunks: short, and safe to leave alone when cancelled. */
  steps: Activities;
  /** What moves cells, on a queue of its own: a cancelled one is waited for, until it has rolled back. */
  chunks: ActivityInterfaceFor<ChunkActivities>;
  /** Waiting for another workflow, for as long as that takes. */
  waits: Activities;
}

/** @param ship whose workflow this is; a fleet has no chunks */
export function activitiesFor(timing: MigrationTiming, ship = ''): ActivitiesOfMigration {
  return {
    steps: proxyActivities<MigrationActivities>(optionsOfSteps(timing)),
    chunks: proxyActivities<ChunkActivities>(optionsOfChunks(timing, ship)),
    waits: proxyActivities<MigrationActivities>(optionsOfWaits(timing)),
  };
}

function optionsOfSteps(timing: MigrationTiming): ActivityOptions {
  return {
    startToCloseTimeout: timing.stepTimeoutMs,
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: {
      initialInterval: timing.retryInitialMs,
      maximumInterval: timing.retryMaximumMs,
      maximumAttempts: timing.retryAttempts,
    },
  };
}

function optionsOfChunks(timing: MigrationTiming, ship: string): ActivityOptions {
  const steps = optionsOfSteps(timing);
  return {
    ...steps,
    taskQueue: chunkQueueBeside(workflowInfo().taskQueue),
    // Ships take turns. The server takes 64 bytes, and a UTF-16 unit is three at most.
    priority: { fairnessKey: ship.slice(0, 21) },
    startToCloseTimeout: chunkTimeWithSlotMs(timing),
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A chunk whose time ran out goes to the workflow at once: the same again would run out again.
    retry: { ...steps.retry, nonRetryableErrorTypes: ['TemporalTimeout:StartToClose'] },
  };
}

/** All waits of a fleet heartbeat to its one workflow, which takes them one after the other. */
const PATIENCE_WITH_WAITS = 4;

function optionsOfWaits(timing: MigrationTiming): ActivityOptions {
  return {
    startToCloseTimeout: '365 days',
    heartbeatTimeout: PATIENCE_WITH_WAITS * timing.heartbeatTimeoutMs,
    retry: { initialInterval: timing.retryInitialMs, maximumInterval: timing.retryMaximumMs },
  };
}
