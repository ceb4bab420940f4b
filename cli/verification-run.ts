import { setTimeout as sleep } from 'node:timers/promises';
import type { Names } from '../domain/names.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { verifyProgress } from '../workflows/messages.ts';
import { askWorkflow, describeRun, explained, workerAbsent } from './ask-workflow.ts';
import { notConfirmed } from './steer.ts';
import type { VerifyHandle } from './watch-verification.ts';
import { shellWord } from '../domain/shell-word.ts';

const POLL_INTERVAL_MS = 200;
/** An attempt hears of its end with its next heartbeat. */
const END_PATIENCE_MS = 15_000;

const handleOf = (ship: string, names: Names, { client }: TemporalClient): VerifyHandle =>
  client.workflow.getHandle(names.verifyShip(ship));

const isRunning = async (handle: VerifyHandle): Promise<boolean> =>
  (await describeRun(handle))?.status.name === 'RUNNING';

/** @returns a sentence on the verification of the ship that runs; undefined where none does */
export async function sentenceOfVerification(
  ship: string,
  names: Names,
  temporal: TemporalClient,
): Promise<string | undefined> {
  const handle = handleOf(ship, names, temporal);
  const description = await describeRun(handle);
  if (description?.status.name !== 'RUNNING') return undefined;
  const { from, to } = description.memo as { from: string; to: string };
  const reply = await askWorkflow(temporal, handle, verifyProgress);
  const state =
    'answer' in reply
      ? `is ${reply.answer.phase}, ${Math.floor(reply.answer.percent)} % compared`
      : workerAbsent(names, temporal).message;
  return `${ship}: a verification of ${from} to ${to} runs: ${state}; to end it: fairlead cancel ${shellWord(ship)}`;
}

/**
 * Ends the verification of a ship, and waits until it has let go of what it reads.
 *
 * @returns false when none runs
 * @throws {FairleadError} `worker-absent` when nobody is there who could end it; it ends then when a worker comes
 */
export async function endVerification(
  ship: string,
  names: Names,
  temporal: TemporalClient,
): Promise<boolean> {
  const handle = handleOf(ship, names, temporal);
  try {
    if (!(await isRunning(handle))) return false;
    await handle.cancel();
    const deadline = Date.now() + END_PATIENCE_MS;
    while (await isRunning(handle)) {
      if (Date.now() > deadline) return await isEnding(handle, names, temporal);
      await sleep(POLL_INTERVAL_MS);
    }
    return true;
  } catch (error) {
    throw explained(error, temporal);
  }
}

async function isEnding(
  handle: VerifyHandle,
  names: Names,
  temporal: TemporalClient,
): Promise<boolean> {
  const reply = await askWorkflow(temporal, handle, verifyProgress);
  if ('answer' in reply) return true;
  throw notConfirmed(names, temporal);
}
