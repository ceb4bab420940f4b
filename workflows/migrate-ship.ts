import {
  allHandlersFinished,
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  upsertMemo,
  workflowInfo,
} from '@temporalio/workflow';
import type { ShipPlan, ShipReport } from '../domain/migration.ts';
import { isBefore, type MigrateShipInput } from '../domain/migration-progress.ts';
import { activitiesFor, type ActivitiesOfMigration } from './activities-for.ts';
import { ChunkWindow } from './chunk-window.ts';
import { MigrationState } from './migration-state.ts';
import { ContinuationDue } from './patience.ts';
import { planAndPrepare } from './plan-and-prepare.ts';
import { ChunkSettlement } from './settle-chunk.ts';
import { progressDisplay } from './show-progress.ts';
import { steered } from './steered.ts';

/** Moves one ship's cells of `[from, to)` into wide tables, chunk by chunk, until none is left. */
export async function migrateShip(input: MigrateShipInput): Promise<ShipReport> {
  const display = progressDisplay();
  const migration = new MigrationState(input, (state) => display(state.progress()));
  const activities = activitiesFor(migration.timing, input.request.ship);
  return steered(migration, activities, {
    migrate: () => migrate(migration, activities),
    goOnInNewRun: () => goOnInNewRun(migration),
  });
}

async function migrate(
  migration: MigrationState,
  activities: ActivitiesOfMigration,
): Promise<ShipReport> {
  const plan = migration.plan ?? (await decide(migration, activities));
  await copyChunks(migration, plan, activities);
  return finish(migration, plan, activities);
}

async function decide(
  migration: MigrationState,
  activities: ActivitiesOfMigration,
): Promise<ShipPlan> {
  const plan = await planAndPrepare(migration, migration.input.request, activities);
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

async function goOnInNewRun(migration: MigrationState): Promise<never> {
  const { plan, input, window } = migration;
  const checkpoint = plan && migration.checkpoint(plan);
  // Left alone, the next run would have the memo of the start again, without what was upserted.
  const { memo = {} } = workflowInfo();
  const goOn = makeContinueAsNewFunc<typeof migrateShip>({ memo });
  return goOn({ ...input, window, ...(checkpoint && { checkpoint }) });
}
