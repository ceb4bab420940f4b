import {
  WorkflowFailedError,
  WorkflowUpdateFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { Names } from '../domain/names.ts';
import type { SessionReport } from '../domain/sensor-session.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import type { sensorSession } from '../workflows/sensor-session.ts';
import { stop } from '../workflows/sensor-messages.ts';
import { sessionHeader } from '../workflows/session-header.ts';
import { explained, isServerAway, isUnknownWorkflow, workerAbsent } from './ask-workflow.ts';

/** Closing takes a second or two; a worker that died is noticed after ten. */
const STOP_WITHIN_MS = 20_000;
const UPDATE_TIMEOUT_MS = 6_000;

export type SessionHandle = WorkflowHandle<typeof sensorSession>;

/**
 * Starts the session of a sensor, or joins the one that runs.
 *
 * @returns whether it ran already
 */
export async function startSession(
  temporal: TemporalClient,
  names: Names,
  sensor: string,
): Promise<{ handle: SessionHandle; ranAlready: boolean }> {
  const { workflow } = temporal.client;
  const workflowId = names.sensorSession(sensor);
  const handle = workflow.getHandle<typeof sensorSession>(workflowId);
  const ranAlready = await runs(handle);
  if (!ranAlready)
    await workflow.start<typeof sensorSession>('sensorSession', {
      workflowId,
      taskQueue: names.sensorTaskQueue,
      args: [{ sensor }],
      workflowIdConflictPolicy: 'USE_EXISTING',
      ...sessionHeader({ sensor }),
    });
  return { handle, ranAlready };
}

async function runs(handle: SessionHandle): Promise<boolean> {
  try {
    return (await handle.describe()).status.name === 'RUNNING';
  } catch (error) {
    if (isUnknownWorkflow(error)) return false;
    throw error;
  }
}

/**
 * Stops the session of a sensor, and waits until its connection was closed and its recording finished.
 *
 * @returns undefined when none runs
 * @throws {FairleadError} `worker-absent`, `temporal-unreachable`
 */
export async function stopSession(
  temporal: TemporalClient,
  names: Names,
  sensor: string,
): Promise<SessionReport | undefined> {
  const { workflow } = temporal.client;
  const handle = workflow.getHandle<typeof sensorSession>(names.sensorSession(sensor));
  try {
    if (!(await runs(handle))) return undefined;
    await askToStop(temporal, handle);
    const result = () => handle.result();
    return await temporal.connection.withDeadline(Date.now() + STOP_WITHIN_MS, result);
  } catch (error) {
    if (isUnknownWorkflow(error) || error instanceof WorkflowFailedError) return undefined;
    if (isTimeout(error)) throw notStopped(names, temporal);
    throw explained(error, temporal);
  }
}

/** One that is being stopped already is as good. */
async function askToStop(temporal: TemporalClient, handle: SessionHandle): Promise<void> {
  try {
    const ask = () => handle.executeUpdate(stop);
    await temporal.connection.withDeadline(Date.now() + UPDATE_TIMEOUT_MS, ask);
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  }
}

const isTimeout = (error: unknown): boolean =>
  isServerAway(error) || (error as Error).name.includes('RPCTimeout');

/** The server keeps a request that no worker takes, and hands it to the next one. */
function notStopped(names: Names, temporal: TemporalClient): FairleadError {
  const { code, message, hint } = workerAbsent(names, temporal, 'sensor');
  return new FairleadError(code, `${message}, so nothing is confirmed`, {
    hint: `${hint?.replace(/;.*/, '')}; then repeat the command: what was asked now may take effect as well`,
  });
}
