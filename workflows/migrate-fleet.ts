import {
  allHandlersFinished,
  CancellationScope,
  ChildWorkflowCancellationType,
  condition,
  continueAsNew,
  isCancellation,
  ParentClosePolicy,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { FleetOutcome, FleetReport, MigrateFleetInput } from '../domain/fleet-migration.ts';
import { DEFAULT_TIMING } from '../domain/migration-timing.ts';
import { migrationHeader } from './migration-header.ts';
import { namesOf } from '../domain/names.ts';
import { activitiesFor, type ActivitiesOfMigration } from './activities-for.ts';
import { FleetState } from './fleet-state.ts';
import { cancel, fleetProgress, pause, resume } from './messages.ts';
import type { migrateShip } from './migrate-ship.ts';

/** Migrates many ships, `atOnce` at a time; each one's migration lives on without this workflow. */
export async function migrateFleet(input: MigrateFleetInput): Promise<FleetReport> {
  const fleet = new FleetState(input);
  const activities = activitiesFor({ ...DEFAULT_TIMING, ...input.ships[0]?.timing });
  const scope = new CancellationScope();
  answerMessages(fleet, scope);
  try {
    await scope.run(() => migrateAll(fleet, activities));
  } catch (error) {
    if (!isCancellation(error)) throw error;
    if (fleet.isCancelled || CancellationScope.current().consideredCancelled)
      return await endCancelled(fleet, activities);
    throw error;
  }
  await condition(allHandlersFinished);
  if (fleet.next === undefined) return fleet.report();
  return continueAsNew<typeof migrateFleet>({ ...input, checkpoint: fleet.checkpoint() });
}

/** Returns when all ships are done, or when it is time for a new run: then those under way are open again. */
async function migrateAll(fleet: FleetState, activities: ActivitiesOfMigration): Promise<void> {
  const waits = new CancellationScope();
  const isDue = (): boolean => workflowInfo().continueAsNewSuggested;
  try {
    while (fleet.next !== undefined && !isDue()) {
      await condition(() => fleet.hasRoom || isDue());
      const { next } = fleet;
      if (next === undefined || isDue()) break;
      fleet.take(next.request.ship);
      void waits.run(() => migrateOne(fleet, next, activities));
    }
    await condition(() => fleet.isEmptied || isDue());
  } finally {
    waits.cancel();
    await CancellationScope.nonCancellable(() => condition(() => fleet.isEmptied));
  }
}

/** Starts or joins one ship's migration, and waits for its end by an activity: a joined child cannot be awaited. */
async function migrateOne(
  fleet: FleetState,
  ship: MigrateFleetInput['ships'][number],
  { waits }: ActivitiesOfMigration,
): Promise<void> {
  const id = ship.request.ship;
  const workflowId = namesOf(fleet.input.installation).migrateShip(id);
  try {
    if (!fleet.wasStarted(id)) await startOrJoin(ship, workflowId);
    fleet.startedOrJoined(id);
    const options = { summary: id, activityId: `await ${id}` };
    fleet.ended(await waits.awaitShip.executeWithOptions(options, [{ ship: id, workflowId }]));
  } catch (error) {
    if (!isCancellation(error)) fleet.ended(failedOutcome(id, error));
  } finally {
    fleet.landed(id);
  }
}

async function startOrJoin(
  ship: MigrateFleetInput['ships'][number],
  workflowId: string,
): Promise<void> {
  try {
    const start = () =>
      startChild<typeof migrateShip>('migrateShip', {
        workflowId,
        args: [ship],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
        ...migrationHeader(ship),
      });
    // In the fleet's own scope, its end or its next run would cancel the ship.
    await CancellationScope.nonCancellable(start);
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function failedOutcome(ship: string, error: unknown): FleetOutcome {
  const reason = error instanceof Error ? (error.cause as Error | undefined)?.message : undefined;
  return { ship, end: 'failed', failedChunks: 0, reason: reason ?? String(error) };
}

function answerMessages(fleet: FleetState, scope: CancellationScope): void {
  setHandler(fleetProgress, () => fleet.progress(), { description: 'where the fleet stands' });
  setHandler(pause, () => fleet.setPaused(true), {
    description: 'starts no more ships; those under way go on',
  });
  setHandler(resume, () => fleet.setPaused(false), { description: 'starts ships again' });
  const cancelAll = (): void => {
    fleet.cancel();
    scope.cancel();
  };
  setHandler(cancel, cancelAll, {
    description: 'starts no more ships and ends; migrations under way go on',
  });
}

async function endCancelled(fleet: FleetState, { steps }: ActivitiesOfMigration): Promise<never> {
  const serverKnows = CancellationScope.current().consideredCancelled;
  fleet.cancel();
  await CancellationScope.nonCancellable(async () => {
    await condition(allHandlersFinished);
    if (!serverKnows) await steps.requestCancellation();
  });
  await CancellationScope.current().cancelRequested;
  throw new Error('a cancelled fleet went on');
}
