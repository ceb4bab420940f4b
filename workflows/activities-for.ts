import {
  ActivityCancellationType,
  proxyActivities,
  type ActivityInterfaceFor,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { MigrationActivities } from '../activities/migration-activities.ts';
import type { MigrationTiming } from '../domain/migration-timing.ts';

export type Activities = ActivityInterfaceFor<MigrationActivities>;

export interface ActivitiesOfMigration {
  /** Everything but chunks: short, and safe to leave alone when cancelled. */
  steps: Activities;
  /** `copyChunk`: a cancelled one is waited for, until it has rolled back. */
  chunks: Activities;
  /** Waiting for another workflow, for as long as that takes. */
  waits: Activities;
}

export function activitiesFor(timing: MigrationTiming): ActivitiesOfMigration {
  return {
    steps: proxyActivities<MigrationActivities>(optionsOfSteps(timing)),
    chunks: proxyActivities<MigrationActivities>(optionsOfChunks(timing)),
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

function optionsOfChunks(timing: MigrationTiming): ActivityOptions {
  const steps = optionsOfSteps(timing);
  return {
    ...steps,
    startToCloseTimeout: timing.chunkTimeoutMs,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    // A chunk whose time ran out goes to the workflow at once: the same again would run out again.
    retry: { ...steps.retry, nonRetryableErrorTypes: ['TemporalTimeout:StartToClose'] },
  };
}

function optionsOfWaits(timing: MigrationTiming): ActivityOptions {
  return {
    startToCloseTimeout: '365 days',
    heartbeatTimeout: timing.heartbeatTimeoutMs,
    retry: { initialInterval: timing.retryInitialMs, maximumInterval: timing.retryMaximumMs },
  };
}
