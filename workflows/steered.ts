import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';
import type { ActivitiesOfMigration } from './activities-for.ts';
import { cancel, pause, progress, resume, setWindow } from './messages.ts';
import type { MigrationState } from './migration-state.ts';
import { ContinuationDue } from './patience.ts';

export interface SteeredRun<Report> {
  migrate: () => Promise<Report>;
  /** Continues as new; every message is answered by then. */
  goOnInNewRun: () => Promise<never>;
}

/** Runs a migration that answers its messages, to its end: done, cancelled, failed, or continued in a new run. */
export async function steered<Report>(
  migration: MigrationState,
  activities: ActivitiesOfMigration,
  { migrate, goOnInNewRun }: SteeredRun<Report>,
): Promise<Report> {
  const scope = new CancellationScope();
  answerMessages(migration, scope);
  try {
    return await scope.run(migrate);
  } catch (error) {
    const isDue = error instanceof ContinuationDue;
    if (migration.cancelRequested || isCancellation(error))
      return await endCancelled(migration, activities);
    await condition(allHandlersFinished);
    if (!isDue) throw error;
    return await goOnInNewRun();
  }
}

function answerMessages(migration: MigrationState, scope: CancellationScope): void {
  const validator = (): void => migration.assertRunning();
  setHandler(progress, () => migration.progress(), { description: 'where the migration stands' });
  setHandler(pause, () => migration.pause(), {
    validator,
    description: 'starts no more chunks; those in flight are finished',
  });
  setHandler(resume, () => migration.resume(), {
    validator,
    description: 'ends a pause, and tries at once what is being waited for',
  });
  setHandler(setWindow, (chunksInFlight) => migration.setWindow(chunksInFlight), {
    validator: (chunksInFlight) => migration.assertWindow(chunksInFlight),
    description: 'how many chunks are in flight at a time',
  });
  const cancelAll = (): void => {
    migration.cancel();
    scope.cancel();
  };
  setHandler(cancel, cancelAll, {
    validator,
    description: 'rolls back the chunks in flight and ends; what is proven stays',
  });
}

/** By update or from the UI: the same end, and the run's status is Canceled. */
async function endCancelled(
  migration: MigrationState,
  { steps }: ActivitiesOfMigration,
): Promise<never> {
  migration.enter('cancelled');
  const serverKnows = CancellationScope.current().consideredCancelled;
  await CancellationScope.nonCancellable(async () => {
    await condition(allHandlersFinished);
    // Only the server can mark a run as Canceled, and it does not let a workflow ask that of itself.
    if (!serverKnows) await steps.requestCancellation();
  });
  await CancellationScope.current().cancelRequested;
  throw new Error('a cancelled migration went on');
}
