import { ServiceError, WorkflowFailedError, type WorkflowClient } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure, TerminatedFailure } from '@temporalio/common';
import { FairleadError } from '../domain/errors.ts';
import type { FleetOutcome } from '../domain/fleet-migration.ts';
import type { ShipReport } from '../domain/migration.ts';

export interface AwaitShipInput {
  ship: string;
  workflowId: string;
}

/**
 * Waits for the end of a migration that this workflow started or joined; runs that continue it are followed.
 *
 * @throws {FairleadError} `temporal-unreachable`, when asking again may help
 */
export async function awaitShip(
  { ship, workflowId }: AwaitShipInput,
  client: WorkflowClient,
): Promise<FleetOutcome> {
  try {
    const report = (await client.getHandle(workflowId).result()) as ShipReport;
    return { ship, end: 'finished', failedChunks: report.chunks.failed };
  } catch (error) {
    if (error instanceof WorkflowFailedError) return outcomeOf(ship, error);
    // Whatever the call itself failed with, the client wraps.
    if (error instanceof ServiceError) throw unreachable(ship, error);
    throw error;
  }
}

const unreachable = (ship: string, error: ServiceError): FairleadError =>
  new FairleadError(
    'temporal-unreachable',
    `${ship}: ${error.message}: ${messageOf(error.cause)}`,
    { cause: error },
  );

function outcomeOf(ship: string, { cause }: WorkflowFailedError): FleetOutcome {
  const isCancelled = cause instanceof CancelledFailure || cause instanceof TerminatedFailure;
  const end = isCancelled ? 'cancelled' : 'failed';
  return { ship, end, failedChunks: 0, reason: deepestMessage(cause) };
}

function deepestMessage(error: unknown): string {
  if (error instanceof ApplicationFailure || !(error instanceof Error)) return messageOf(error);
  return error.cause === undefined ? error.message : deepestMessage(error.cause);
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
