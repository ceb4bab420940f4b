import {
  isGrpcServiceError,
  WorkflowFailedError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { CancelledFailure, TerminatedFailure, type QueryDefinition } from '@temporalio/common';
import { FairleadError } from '../domain/errors.ts';
import type { Names } from '../domain/names.ts';
import { temporalUnreachable, type TemporalClient } from '../workers/temporal-client.ts';

const ANSWER_TIMEOUT_MS = 3_000;
const DEADLINE_EXCEEDED = 4;
const NOT_FOUND = 5;
const UNAVAILABLE = 14;
/** INVALID_ARGUMENT, PERMISSION_DENIED, UNAUTHENTICATED: asking again would not help. */
const OUR_FAULTS = new Set([3, 7, 16]);

/** Why a workflow gave no answer: nobody works on its queue, the server itself is away, or there is none. */
export type Silence = 'no worker' | 'no server' | 'no workflow';

/**
 * Asks a workflow, which only a worker can answer, and does not wait long for it.
 *
 * @returns the answer, or why there is none
 */
export async function askWorkflow<T>(
  { connection }: TemporalClient,
  handle: Pick<WorkflowHandle, 'query'>,
  query: QueryDefinition<T>,
): Promise<{ answer: T } | { silence: Silence }> {
  try {
    const ask = () => handle.query<T>(query);
    return { answer: await connection.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, ask) };
  } catch (error) {
    return { silence: silenceOf(error) };
  }
}

function silenceOf(error: unknown): Silence {
  const code = codeOf(error);
  if (isUnknownWorkflow(error)) return 'no workflow';
  if (code === undefined || OUR_FAULTS.has(code)) throw error;
  return code === UNAVAILABLE ? 'no server' : 'no worker';
}

/** @returns undefined for a workflow that never was */
export async function describeRun(
  handle: Pick<WorkflowHandle, 'describe'>,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await handle.describe();
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}

/** By a command of ours, or from the UI. */
export const isCancelledRun = (error: unknown): boolean =>
  error instanceof WorkflowFailedError &&
  (error.cause instanceof CancelledFailure || error.cause instanceof TerminatedFailure);

export const isServerAway = (error: unknown): boolean =>
  [DEADLINE_EXCEEDED, UNAVAILABLE].includes(codeOf(error) ?? -1);

export const isUnknownWorkflow = (error: unknown): boolean =>
  (error as { name?: string }).name === 'WorkflowNotFoundError' || codeOf(error) === NOT_FOUND;

function codeOf(error: unknown): number | undefined {
  if (isGrpcServiceError(error)) return error.code;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? undefined : codeOf(cause);
}

/** Turns an error of the client into ours, where the server being away explains it. */
export function explained(error: unknown, { location }: TemporalClient): unknown {
  return isServerAway(error) ? temporalUnreachable(location, error) : error;
}

/** @param half whose queue has no worker */
export function workerAbsent(
  names: Names,
  { location }: TemporalClient,
  half: 'migration' | 'chunk' | 'sensor' = 'migration',
): FairleadError {
  const queues = {
    migration: names.taskQueue,
    chunk: names.chunkTaskQueue,
    sensor: names.sensorTaskQueue,
  };
  const queue = queues[half];
  const worker = half === 'sensor' ? 'fairlead worker --queue sensor' : 'fairlead worker';
  const start = location.local ? 'fairlead up' : worker;
  return new FairleadError('worker-absent', `no worker answers on the queue ${queue}`, {
    hint: `start one in another terminal with: ${start}; what was started goes on then`,
  });
}
