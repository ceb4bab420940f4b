import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';
import type { Command } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { namesOf, type Names } from '../domain/names.ts';
import { sideBySide } from '../domain/side-by-side.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained, isServerAway, isUnknownWorkflow, workerAbsent } from './ask-workflow.ts';
import { chooseShips } from './choose-ships.ts';
import {
  addCommand,
  conclude,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { shellWords } from '../domain/shell-word.ts';

const UPDATE_TIMEOUT_MS = 6_000;
const SHIPS_AT_ONCE = 16;

type Options = CommonOptions & { fleet?: true };

export interface Steering {
  name: 'pause' | 'resume' | 'cancel';
  summary: string;
  update: UpdateDefinition<void>;
  /** What is said of a ship afterwards. */
  done: string;
  /** What is steered where no migration of a ship runs. */
  otherwise?: {
    what: string;
    /** @returns false when that does not run either */
    act: (ship: string, names: Names, temporal: TemporalClient) => Promise<boolean>;
    done: string;
  };
}

interface Reached {
  ship: string;
  /** What was done to it; undefined where nothing runs. */
  done: string | undefined;
}

/** Adds one of the commands that change what running migrations do. */
export function addSteering(program: Command, steering: Steering): void {
  const { name, summary } = steering;
  addCommand(program, {
    usage: name,
    summary,
    examples: [`fairlead ${name} IMO9976903`, `fairlead ${name} --fleet`],
  })
    .argument('[ship...]', 'ship ids')
    .option('--fleet', 'the ships under [fleet], and the migration of the fleet itself')
    .action(async (ships: string[], options: Options) => {
      conclude(await steer(steering, ships, options), options);
    });
}

async function steer(
  { update, done, otherwise }: Steering,
  typed: readonly string[],
  options: Options,
): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const ships = chooseShips(typed, options, configuration);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  if (options.fleet) {
    const fleet = temporal.client.workflow.getHandle(names.migrateFleet);
    await sendUpdate(temporal, names, fleet, () => fleet.executeUpdate(update));
  }
  const send = (handle: WorkflowHandle) => handle.executeUpdate(update);
  const reached = await sideBySide(ships, SHIPS_AT_ONCE, async (ship): Promise<Reached> => {
    if (await sendToShip(temporal, names, ship, send)) return { ship, done };
    const isOther = await otherwise?.act(ship, names, temporal);
    return { ship, done: isOther ? otherwise?.done : undefined };
  });
  if (reached.every((each) => each.done === undefined)) throw nothingRuns(ships, otherwise?.what);
  return {
    json: { ships: reached.map((each) => ({ ship: each.ship, reached: each.done !== undefined })) },
    text: reached.map((each) => `${each.ship}: ${each.done ?? 'no migration runs'}`).join('\n'),
  };
}

/**
 * Sends an update to what runs of a ship: its migration, its reprocess, or both.
 *
 * @returns false when neither runs
 */
export async function sendToShip(
  temporal: TemporalClient,
  names: Names,
  ship: string,
  send: (handle: WorkflowHandle) => Promise<void>,
): Promise<boolean> {
  let isReached = false;
  for (const workflowId of [names.migrateShip(ship), names.reprocessShip(ship)]) {
    const handle = temporal.client.workflow.getHandle(workflowId);
    if (await sendUpdate(temporal, names, handle, () => send(handle))) isReached = true;
  }
  return isReached;
}

function nothingRuns(ships: readonly string[], other?: string): FairleadError {
  const what = other ? `no migration and no ${other}` : 'no migration';
  return new FairleadError('usage-invalid', `${what} of ${ships.join(', ')} runs`, {
    hint: `fairlead status shows what does; to start one: fairlead migrate ${shellWords(ships.slice(0, 1))}`,
  });
}

/** The server keeps a request that no worker takes, and hands it to the next one. */
export function notConfirmed(names: Names, temporal: TemporalClient): FairleadError {
  const { code, message, hint } = workerAbsent(names, temporal);
  return new FairleadError(code, `${message}, so nothing is confirmed`, {
    hint: `${hint?.replace(/;.*/, '')}; then repeat the command: what was asked now may take effect as well`,
  });
}

/**
 * Sends an update, which only a worker can answer.
 *
 * @returns false when no such workflow runs
 * @throws {FairleadError} `worker-absent`, `temporal-unreachable`, `usage-invalid` when the workflow refuses it
 */
export async function sendUpdate(
  temporal: TemporalClient,
  names: Names,
  handle: WorkflowHandle,
  send: () => Promise<void>,
): Promise<boolean> {
  const deadline = Date.now() + UPDATE_TIMEOUT_MS;
  try {
    const { status } = await handle.describe();
    if (status.name !== 'RUNNING') return false;
    await temporal.connection.withDeadline(deadline, send);
    return true;
  } catch (error) {
    if (isUnknownWorkflow(error)) return false;
    if (error instanceof WorkflowUpdateFailedError)
      throw new FairleadError('usage-invalid', error.cause?.message ?? error.message, {
        cause: error,
      });
    const isTimeout = isServerAway(error) || (error as Error).name.includes('RPCTimeout');
    if (isTimeout && Date.now() >= deadline) throw notConfirmed(names, temporal);
    throw explained(error, temporal);
  }
}
