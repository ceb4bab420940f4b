import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { MigrateShipInput } from '../domain/migration-progress.ts';
import { fleetProgress } from '../workflows/messages.ts';
import type { migrateFleet } from '../workflows/migrate-fleet.ts';
import type { migrateShip } from '../workflows/migrate-ship.ts';
import { askWorkflow, workerAbsent } from './ask-workflow.ts';
import { note } from './command.ts';
import type { Start } from './migrate.ts';
import { BUSY_PATIENCE_MS, busySentence, polledOfLate } from './polled-of-late.ts';
import type { StartedShip } from './migrate-ships.ts';
import type { MigrationOptions } from './migration-options.ts';
import { requireSameFleet, type AskedRange } from './start-migration.ts';

const POLL_INTERVAL_MS = 500;
const WORKER_PATIENCE_MS = 5_000;

/** The fleet's own workflow hears of its last ship's end a moment after whoever watches that ship. */
const END_PATIENCE_MS = 5_000;

type FleetHandle = WorkflowHandle<typeof migrateFleet>;

/** What `describe` tells of a fleet's migration. */
interface FleetMemo {
  ships: string[];
  /** Absent where an older release started it. */
  requested?: AskedRange;
}

/**
 * Starts, or joins, the migration of the fleet.
 *
 * @throws {FairleadError} `migration-differs` when other ships are under way; `worker-absent`
 */
export async function startFleet(
  start: Start,
  inputs: readonly MigrateShipInput[],
  typed: MigrationOptions,
  signal: AbortSignal,
): Promise<StartedShip[]> {
  const { client } = start.temporal;
  const ships = inputs.map(({ request }) => request.ship);
  const asked = rangeAskedOf(inputs);
  const handle = await startOrJoin(start, inputs, { ships, requested: asked });
  const { memo } = await handle.describe();
  const running = memo as unknown as FleetMemo;
  requireSameShips(running.ships, ships);
  requireSameFleet(running.requested, asked, typed);
  const waiting = await requireWorker(start, handle);
  const turns = new Turns(waiting);
  void turns.follow(start, handle, signal);
  return ships.map((ship) => {
    const whenStarted = turns.of(ship);
    const workflowId = start.names.migrateShip(ship);
    return {
      ship,
      handle: client.workflow.getHandle<typeof migrateShip>(workflowId),
      ...(whenStarted && { whenStarted }),
    };
  });
}

async function startOrJoin(
  { temporal, names, configuration }: Start,
  inputs: readonly MigrateShipInput[],
  memo: FleetMemo,
): Promise<FleetHandle> {
  const { installation } = configuration.migration;
  const atOnce = configuration.fleet.shipsAtOnce;
  await temporal.client.workflow.start<typeof migrateFleet>('migrateFleet', {
    workflowId: names.migrateFleet,
    taskQueue: names.taskQueue,
    args: [{ ships: [...inputs], atOnce, ...(installation && { installation }) }],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `${memo.ships.length} ships, ${atOnce} at a time`,
    memo: { ...memo },
  });
  return temporal.client.workflow.getHandle<typeof migrateFleet>(names.migrateFleet);
}

/** What was asked of all ships alike. */
function rangeAskedOf([first]: readonly MigrateShipInput[]): AskedRange {
  const { ship: _, ...asked } = first!.request;
  return asked;
}

function requireSameShips(running: readonly string[], ships: readonly string[]): void {
  if (running.join() === ships.join()) return;
  throw new FairleadError(
    'migration-differs',
    `a migration of the fleet ${running.join(', ')} runs already; asked was ${ships.join(', ')}`,
    { hint: 'wait for it, or end it with: fairlead cancel --fleet; then repeat the command' },
  );
}

/** Waits until the fleet itself is over, when all its ships are: else the next command would join what is ending. */
export async function untilFleetEnds(
  { temporal, names }: Start,
  signal: AbortSignal,
): Promise<void> {
  const { client, connection } = temporal;
  const end = () => client.workflow.getHandle(names.migrateFleet).result();
  const untilAborted = () => connection.withAbortSignal(signal, end);
  await connection.withDeadline(Date.now() + END_PATIENCE_MS, untilAborted).catch(() => undefined);
}

/** @returns the ships that wait for their turn */
async function requireWorker({ temporal, names }: Start, handle: FleetHandle): Promise<string[]> {
  const askedAt = Date.now();
  let isSaid = false;
  for (;;) {
    const reply = await askWorkflow(temporal, handle, fleetProgress);
    if ('answer' in reply) return reply.answer.waitingToStart;
    if (Date.now() - askedAt > WORKER_PATIENCE_MS) {
      const mayAnswer = Date.now() - askedAt < BUSY_PATIENCE_MS;
      if (!mayAnswer || !(await polledOfLate(temporal, names.taskQueue)))
        throw workerAbsent(names, temporal);
      if (!isSaid) note(busySentence(names));
      isSaid = true;
    }
    await sleep(POLL_INTERVAL_MS);
  }
}

/** When each ship has been started, by one question about all of them. */
class Turns {
  private readonly started = new Map<string, { promise: Promise<void>; resolve: () => void }>();

  constructor(ships: readonly string[]) {
    for (const ship of ships) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((settle) => (resolve = settle));
      this.started.set(ship, { promise, resolve });
    }
  }

  /** @returns undefined for a ship that does not have to wait */
  of(ship: string): Promise<void> | undefined {
    return this.started.get(ship)?.promise;
  }

  /** A command that ends closes the connection: then nobody waits for these any more. */
  async follow(start: Start, handle: FleetHandle, signal: AbortSignal): Promise<void> {
    await this.ask(start, handle, signal).catch(() => undefined);
    for (const { resolve } of this.started.values()) resolve();
  }

  private async ask({ temporal }: Start, handle: FleetHandle, signal: AbortSignal): Promise<void> {
    let waiting = new Set(this.started.keys());
    while (waiting.size > 0 && !signal.aborted) {
      await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      const reply = await askWorkflow(temporal, handle, fleetProgress);
      if ('answer' in reply) waiting = new Set(reply.answer.waitingToStart);
      for (const [ship, { resolve }] of this.started) if (!waiting.has(ship)) resolve();
    }
  }
}
