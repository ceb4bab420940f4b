import type { WorkflowHandle } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { MigrationRequest } from '../domain/migration.ts';
import {
  rangeTitle,
  type MigrateShipInput,
  type MigrationMemo,
} from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import { formatDurationMs, parseInstant } from '../domain/time.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import type { migrateShip } from '../workflows/migrate-ship.ts';
import { migrationHeader } from '../workflows/migration-header.ts';
import type { MigrationOptions } from './migration-options.ts';

export type MigrationHandle = WorkflowHandle<typeof migrateShip>;

/**
 * Starts the migration of a ship, or joins the one that runs.
 *
 * @param typed what the user asked for in so many words: only that can differ from what runs
 * @throws {FairleadError} `migration-differs`, with both
 */
export async function startMigration(
  { client }: TemporalClient,
  names: Names,
  input: MigrateShipInput,
  typed: MigrationOptions,
): Promise<MigrationHandle> {
  const workflowId = names.migrateShip(input.request.ship);
  await client.workflow.start<typeof migrateShip>('migrateShip', {
    workflowId,
    taskQueue: names.taskQueue,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    ...migrationHeader(input),
  });
  const handle = client.workflow.getHandle<typeof migrateShip>(workflowId);
  const { memo } = await handle.describe();
  if (memo) requireSame(memo as unknown as MigrationMemo, input.request, typed);
  return handle;
}

/** @throws {FairleadError} `migration-differs` */
export function requireSame(
  { requested, resolved }: MigrationMemo,
  asked: MigrationRequest,
  typed: MigrationOptions,
): void {
  const running = { ...requested, ...resolved };
  const differs =
    (typed.from !== undefined && !sameInstant(typed.from, running.from)) ||
    (typed.to !== undefined && !sameInstant(typed.to, running.to)) ||
    (typed.width !== undefined && typed.width !== running.widthMs) ||
    (typed.redo === true && !requested.redo);
  if (!differs) return;
  const { ship } = asked;
  throw new FairleadError(
    'migration-differs',
    `${ship}: a migration of ${describe(running)} runs already; asked was ${describe(asked)}`,
    {
      hint: `fairlead migrate ${ship} joins it; fairlead cancel ${ship} ends it, then repeat the command`,
    },
  );
}

const sameInstant = (instant: string, other: string | undefined): boolean =>
  other !== undefined && parseInstant(instant) === parseInstant(other);

function describe({ from, to, widthMs, redo }: Omit<MigrationRequest, 'ship'>): string {
  const range = from ? rangeTitle({ from, to }) : `the oldest cell → ${to}`;
  return `${range} in chunks of ${formatDurationMs(widthMs)}${redo ? ', proven ones again' : ''}`;
}
