import {
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { InstantRange } from '../domain/migration.ts';
import { rangeTitle } from '../domain/migration-progress.ts';
import type { VerifyReport, VerifyShipInput } from '../domain/verification.ts';
import { activitiesFor, type ActivitiesOfMigration } from './activities-for.ts';
import { verifyProgress } from './messages.ts';
import { ContinuationDue } from './patience.ts';
import { VerificationState } from './verification-state.ts';

/** Compares source and target of `[from, to)` again, reading both anew. */
export async function verifyShip(input: VerifyShipInput): Promise<VerifyReport> {
  const verification = new VerificationState(input);
  const activities = activitiesFor(verification.timing, input.ship);
  setHandler(verifyProgress, () => verification.progress(), {
    description: 'what was compared so far',
  });
  try {
    await compare(verification, activities);
    return verification.report();
  } catch (error) {
    if (isCancellation(error)) verification.phase = 'cancelled';
    if (!(error instanceof ContinuationDue)) throw error;
    return await continueAsNew<typeof verifyShip>(verification.nextInput());
  }
}

async function compare(
  verification: VerificationState,
  activities: ActivitiesOfMigration,
): Promise<void> {
  try {
    while (verification.hasMore) {
      await condition(() => verification.mayGoOn);
      verification.throwIfBroken();
      if (workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
      void compareBatch(verification, verification.takeNext(), activities);
    }
    await condition(() => verification.isEmptied);
    verification.throwIfBroken();
  } finally {
    verification.patience.tryNow();
    await CancellationScope.nonCancellable(() => condition(() => verification.isEmptied));
  }
}

async function compareBatch(
  verification: VerificationState,
  batch: InstantRange,
  { chunks }: ActivitiesOfMigration,
): Promise<void> {
  const { ship, widthMs } = verification.input;
  const title = rangeTitle(batch);
  const options = { summary: title, activityId: `compare ${batch.from} ${batch.to}` };
  try {
    const comparison = await verification.patience.untilItWorks(title, () =>
      chunks.verifyBatch.executeWithOptions(options, [{ ...batch, ship, widthMs }]),
    );
    verification.compared(batch, comparison);
  } catch (error) {
    verification.notCompared(batch, error);
  }
}
