import {
  allHandlersFinished,
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  workflowInfo,
} from '@temporalio/workflow';
import type { OpenRanges, ShipPlan, ShipReport } from '../domain/migration.ts';
import { isBefore } from '../domain/migration-progress.ts';
import type { ReprocessShipInput } from '../domain/reprocess.ts';
import { activitiesFor, type ActivitiesOfMigration } from './activities-for.ts';
import { ChunkWindow } from './chunk-window.ts';
import { ContinuationDue } from './patience.ts';
import { planAndPrepare } from './plan-and-prepare.ts';
import { ReprocessState } from './reprocess-state.ts';
import { ChunkSettlement } from './settle-chunk.ts';
import { progressDisplay } from './show-progress.ts';
import { steered } from './steered.ts';

/** Moves one ship's cells of some ranges into wide tables: what the ledger does not prove of them, in chunks. */
export async function reprocessShip(input: ReprocessShipInput): Promise<ShipReport> {
  const display = progressDisplay();
  const reprocess = new ReprocessState(input, (state) => display(state.progress()));
  const activities = activitiesFor(reprocess.timing, input.request.ship);
  return steered(reprocess, activities, {
    migrate: () => migrate(reprocess, activities),
    goOnInNewRun: () => goOnInNewRun(reprocess),
  });
}

async function migrate(
  reprocess: ReprocessState,
  activities: ActivitiesOfMigration,
): Promise<ShipReport> {
  const plan = reprocess.plan ?? (await decide(reprocess, activities));
  await copyChunks(reprocess, plan, activities);
  return finish(reprocess, plan, activities);
}

/** Channels and tables are those of the whole ship, as if all of it were migrated; only the range is ours. */
async function decide(
  reprocess: ReprocessState,
  activities: ActivitiesOfMigration,
): Promise<ShipPlan> {
  const { request, repair } = reprocess.input;
  const { from, to, ship, widthMs, redo } = request;
  const now = new Date().toISOString();
  const whole = { ship, widthMs, redo, to: isBefore(now, to) ? to : now };
  const planned = await planAndPrepare(reprocess, whole, activities);
  const plan = { ...planned, from: from ?? planned.from, to, chunks: 0, ...(repair && { repair }) };
  reprocess.planned(plan);
  return plan;
}

/** Goes through what is open of the ranges, and again until nothing is. */
async function copyChunks(
  reprocess: ReprocessState,
  plan: ShipPlan,
  activities: ActivitiesOfMigration,
): Promise<void> {
  const settlement = new ChunkSettlement(reprocess, plan, activities);
  const window = new ChunkWindow(reprocess, (range) => settlement.settle(range));
  try {
    for (const range of reprocess.open) await window.start(range);
    await sweep(reprocess, plan, window, activities);
    for (;;) {
      const open = await findOpenRanges(reprocess, plan, activities);
      if (open.ranges.length === 0) break;
      reprocess.sweepOver(open);
      await sweep(reprocess, plan, window, activities);
    }
  } finally {
    await CancellationScope.nonCancellable(() => window.emptied());
  }
}

async function findOpenRanges(
  { patience, input }: ReprocessState,
  plan: ShipPlan,
  { steps }: ActivitiesOfMigration,
): Promise<OpenRanges> {
  if (workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
  const { ranges } = input;
  const summary = `what is open of ${ranges.length} ranges`;
  return patience.untilItWorks(summary, () =>
    steps.findOpenRanges.executeWithOptions({ summary }, [{ plan, ranges }]),
  );
}

/** Starts the chunks of this sweep from its cursor on, oldest first, and waits for the last one. */
async function sweep(
  reprocess: ReprocessState,
  plan: ShipPlan,
  window: ChunkWindow,
  { steps }: ActivitiesOfMigration,
): Promise<void> {
  for (let ranges = reprocess.upcoming; ranges.length > 0; ranges = reprocess.upcoming) {
    if (workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
    const { cursor } = reprocess;
    const summary = `chunks from ${cursor}`;
    const batch = await reprocess.patience.untilItWorks(summary, () =>
      steps.planChunks.executeWithOptions({ summary }, [{ plan, cursor, ranges }]),
    );
    reprocess.batchPlanned(batch);
    for (const range of batch.chunks) await window.start(range);
  }
  await window.drained();
}

/** The report counts what this reprocess has done; the ledger's sums are those of other chunks too. */
async function finish(
  reprocess: ReprocessState,
  plan: ShipPlan,
  { steps }: ActivitiesOfMigration,
): Promise<ShipReport> {
  reprocess.enter('finishing');
  const summed = await reprocess.patience.untilItWorks('summary', () =>
    steps.summarizeShip.executeWithOptions({ summary: reprocess.title, activityId: 'summarize' }, [
      plan,
    ]),
  );
  reprocess.enter('finished');
  await condition(allHandlersFinished);
  return { ...summed, ...reprocess.ownFigures(plan), phase: 'finished' };
}

async function goOnInNewRun(reprocess: ReprocessState): Promise<never> {
  const { plan, input, window } = reprocess;
  const checkpoint = plan && reprocess.checkpoint(plan);
  const { memo = {} } = workflowInfo();
  const goOn = makeContinueAsNewFunc<typeof reprocessShip>({ memo });
  return goOn({ ...input, window, ...(checkpoint && { checkpoint }) });
}
