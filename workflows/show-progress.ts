import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import type { SearchAttributeUpdatePair } from '@temporalio/common';
import type { MigrationProgress } from '../domain/migration-progress.ts';
import { progressTable } from '../domain/progress-table.ts';
import { failedChunks, migratedThrough, migrationPhase, percentDone, shipId } from './messages.ts';

/** Search attributes cost a history event each time, so they follow only in steps of this many percent. */
const STEP_PERCENT = 1;

/**
 * Shows where a migration stands in the Temporal UI: details at every call, search attributes now and then.
 *
 * @returns the function to call with each change
 */
export function progressDisplay(): (progress: MigrationProgress) => void {
  let shown: MigrationProgress | undefined;
  return (progress) => {
    setCurrentDetails(progressTable(progress));
    if (shown && !differs(shown, progress)) return;
    shown = progress;
    upsertSearchAttributes(attributesOf(progress));
  };
}

function differs(shown: MigrationProgress, now: MigrationProgress): boolean {
  return now.phase !== shown.phase || Math.abs(now.percent - shown.percent) >= STEP_PERCENT;
}

function attributesOf(progress: MigrationProgress): SearchAttributeUpdatePair[] {
  const pairs: SearchAttributeUpdatePair[] = [
    { key: shipId, value: progress.ship },
    { key: migrationPhase, value: progress.phase },
    { key: percentDone, value: progress.percent },
    { key: failedChunks, value: progress.chunks.failed },
  ];
  if (progress.migratedThrough)
    pairs.push({ key: migratedThrough, value: new Date(progress.migratedThrough) });
  return pairs;
}
