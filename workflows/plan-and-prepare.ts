import type { MigrationRequest, ShipPlan } from '../domain/migration.ts';
import type { ActivitiesOfMigration } from './activities-for.ts';
import type { MigrationState } from './migration-state.ts';

/** Decides what a ship's migration is, and makes the wide tables that it needs. */
export async function planAndPrepare(
  migration: MigrationState,
  request: MigrationRequest,
  { steps }: ActivitiesOfMigration,
): Promise<ShipPlan> {
  const { patience } = migration;
  migration.enter('planning');
  const plan = await patience.untilItWorks('plan', () =>
    steps.planShip.executeWithOptions({ summary: migration.title, activityId: 'plan' }, [request]),
  );
  const summary = `${plan.tables.length} wide tables`;
  await patience.untilItWorks('prepare the target', () =>
    steps.prepareTarget.executeWithOptions({ summary, activityId: 'prepare' }, [plan]),
  );
  return plan;
}
