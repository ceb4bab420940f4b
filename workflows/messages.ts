import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineQuery, defineUpdate } from '@temporalio/workflow';
import type { FleetProgress } from '../domain/fleet-migration.ts';
import type { MigrationProgress } from '../domain/migration-progress.ts';
import type { VerifyProgress } from '../domain/verification.ts';

/** Takes effect between chunks; those in flight are finished. */
export const pause = defineUpdate<void>('pause');
/** Ends a pause, and tries at once what is being waited for. */
export const resume = defineUpdate<void>('resume');
export const setWindow = defineUpdate<void, [chunksInFlight: number]>('setWindow');
/** Rolls back the chunks in flight; what is proven stays. */
export const cancel = defineUpdate<void>('cancel');

export const progress = defineQuery<MigrationProgress>('progress');
export const fleetProgress = defineQuery<FleetProgress>('progress');
export const verifyProgress = defineQuery<VerifyProgress>('progress');

export const shipId = defineSearchAttributeKey('ShipId', SearchAttributeType.KEYWORD);
export const migrationPhase = defineSearchAttributeKey(
  'MigrationPhase',
  SearchAttributeType.KEYWORD,
);
export const percentDone = defineSearchAttributeKey('PercentDone', SearchAttributeType.DOUBLE);
export const migratedThrough = defineSearchAttributeKey(
  'MigratedThrough',
  SearchAttributeType.DATETIME,
);
export const failedChunks = defineSearchAttributeKey('FailedChunks', SearchAttributeType.INT);
