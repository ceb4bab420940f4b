import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  makeContinueAsNewFunc,
  setHandler,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { ShipPlan, ShipReport } from '../domain/migration.ts';
import { isBefore, type MigrateShipInput } from '../domain/migration-progress.ts';
import { activitiesFor, type ActivitiesOfMigration } from './activities-for.ts';
import { ChunkWindow } from './chunk-window.ts';
import { cancel, pause, progress, resume, setWindow } from './messages.ts';
import { MigrationState } from './migration-state.ts';
import { ContinuationDue } from './patience.ts';
import { ChunkSettlement } from './settle-chunk.ts';
import { progressDisplay } from './show-progress.ts';

/** Moves one ship's cells of `[from, to)` into wide tables, chunk by chunk, until none is left. */
export async function migrateShip(input: MigrateShipInput): Promise<ShipReport> {
  const display = progressDisplay();
  const migration = new MigrationState(input, (state) => display(state.progress()));
  const activities = activitiesFor(migration.timing);
  const scope = new CancellationScope();
  answerMessages(migration, scope);
  try {
    return await scope.run(() => migrate(migration, activities));
  } catch (error) {
    const isDue = error instanceof ContinuationDue;
    if (migration.cancelRequested || isCancellation(error))
      return await endCancelled(migration, activities);
    return isDue ? await goOnInNewRun(migration) : await rethrow(error);
  }
}

async function migrate(
  migration: MigrationState,
  activities: ActivitiesOfMigration,
): Promise<ShipReport> {
  const plan = migration.plan ?? (await planAndPrepare(migration, activities));
  await copyChunks(migration, plan, activities);
  return finish(migration, plan, activities);
}

async function planAndPrepare(
  migration: MigrationState,
  { steps }: ActivitiesOfMigration,
): Promise<ShipPlan> {
  const { patience, input } = migration;
  migration.enter('planning');
  const plan = await patience.untilItWorks('plan', () =>
    steps.planShip.executeWithOptions({ summary: migration.title, activityId: 'plan' }, [
      input.request,
    ]),
  );
  const summary = `${plan.tables.length} wide tables`;
  await patience.untilItWorks('prepare the target', () =>
    steps.prepareTarget.executeWithOptions({ summary, activityId: 'prepare' }, [plan]),
  );
  const { from, to, widthMs } = plan;
  upsertMemo({ resolved: { from, to, widthMs } });
  migration.planned(plan);
  return plan;
}

/** Goes through the range once, and then again until the ledger has no hole left. */
async function copyChunks(
  migration: MigrationState,
  plan: ShipPlan,
  activities: ActivitiesOfMigration,
): Promise<void> {
  const settlement = new ChunkSettlement(migration, plan, activities);
  const window = new ChunkWindow(migration, (range) => settlement.settle(range));
  try {
    for (const range of migration.open) await window.start(range);
    await sweep(migration, plan, window, activities);
    while (migration.sweep === 0 || migration.holesFound) {
      migration.beginSweep(plan);
      await sweep(migration, plan, window, activities);
    }
  } finally {
    await CancellationScope.nonCancellable(() => window.emptied());
  }
}

/** Starts the chunks from the cursor to the end, oldest first, and waits for the last one. */
async function sweep(
  migration: MigrationState,
  plan: ShipPlan,
  window: ChunkWindow,
  { steps }: ActivitiesOfMigration,
): Promise<void> {
  while (isBefore(migration.cursor, plan.to)) {
    if (workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
    const { cursor } = migration;
    const summary = `${migration.sweep === 0 ? 'chunks' : 'holes'} from ${cursor}`;
    const batch = await migration.patience.untilItWorks(summary, () =>
      steps.planChunks.executeWithOptions({ summary }, [{ plan, cursor }]),
    );
    migration.batchPlanned(batch);
    for (const range of batch.chunks) await window.start(range);
  }
  await window.drained();
}

async function finish(
  migration: MigrationState,
  plan: ShipPlan,
  { steps }: ActivitiesOfMigration,
): Promise<ShipReport> {
  migration.enter('finishing');
  const report = await migration.patience.untilItWorks('summary', () =>
    steps.summarizeShip.executeWithOptions({ summary: migration.title, activityId: 'summarize' }, [
      plan,
    ]),
  );
  migration.enter('finished');
  await condition(allHandlersFinished);
  return { ...report, phase: 'finished' };
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

async function goOnInNewRun(migration: MigrationState): Promise<never> {
  await condition(allHandlersFinished);
  const { plan, input, window } = migration;
  const checkpoint = plan && migration.checkpoint(plan);
  // Left alone, the next run would have the memo of the start again, without what was upserted.
  const { memo = {} } = workflowInfo();
  const goOn = makeContinueAsNewFunc<typeof migrateShip>({ memo });
  return goOn({ ...input, window, ...(checkpoint && { checkpoint }) });
}

async function rethrow(error: unknown): Promise<never> {
  await condition(allHandlersFinished);
  throw error;
}
