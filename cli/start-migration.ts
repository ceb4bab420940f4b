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
import { shellWord } from '../domain/shell-word.ts';

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
  if (!differs(running, typed)) return;
  throw migrationDiffers(asked.ship, shellWord(asked.ship), running, asked);
}

/** As {@link requireSame}, of all ships of the fleet; one that an older release started tells nothing, and is joined. */
export function requireSameFleet(
  requested: AskedRange | undefined,
  asked: AskedRange,
  typed: MigrationOptions,
): void {
  if (requested && differs(requested, typed))
    throw migrationDiffers('the fleet', '--fleet', requested, asked);
}

/** What one is asked to do with a ship, without which ship that is. */
export type AskedRange = Omit<MigrationRequest, 'ship'>;

const differs = (running: AskedRange, typed: MigrationOptions): boolean =>
  (typed.from !== undefined && !sameInstant(typed.from, running.from)) ||
  (typed.to !== undefined && !sameInstant(typed.to, running.to)) ||
  (typed.width !== undefined && typed.width !== running.widthMs) ||
  (typed.redo === true && !running.redo);

const migrationDiffers = (subject: string, words: string, running: AskedRange, asked: AskedRange) =>
  new FairleadError(
    'migration-differs',
    `${subject}: a migration of ${describe(running)} runs already; asked was ${describe(asked)}`,
    {
      hint: `fairlead migrate ${words} joins it; fairlead cancel ${words} ends it, then repeat the command`,
    },
  );

const sameInstant = (instant: string, other: string | undefined): boolean =>
  other !== undefined && parseInstant(instant) === parseInstant(other);

function describe({ from, to, widthMs, redo }: AskedRange): string {
  const range = from ? rangeTitle({ from, to }) : `the oldest cell → ${to}`;
  return `${range} in chunks of ${formatDurationMs(widthMs)}${redo ? ', proven ones again' : ''}`;
}
