import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { Names } from '../domain/names.ts';
import type { VerifyReport, VerifyShipInput } from '../domain/verification.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { shipId, verifyProgress } from '../workflows/messages.ts';
import type { verifyShip } from '../workflows/verify-ship.ts';
import { digestOf } from './start-reprocess.ts';
import { askWorkflow, isCancelledRun, isServerAway, workerAbsent } from './ask-workflow.ts';
import { callController } from './call-controller.ts';
import type { ProgressTask } from './progress.ts';
import { shellWord } from '../domain/shell-word.ts';

const POLL_INTERVAL_MS = 500;
const WORKER_PATIENCE_MS = 6_000;

export type VerifyHandle = WorkflowHandle<typeof verifyShip>;

/**
 * Starts the verification of a ship, or joins the one that runs.
 *
 * @throws {FairleadError} `migration-differs` when that one has another range
 */
export async function startVerification(
  { client }: TemporalClient,
  names: Names,
  input: VerifyShipInput,
): Promise<VerifyHandle> {
  const { ship, from, to, ranges } = input;
  const digest = ranges ? digestOf(ranges) : '';
  const workflowId = names.verifyShip(ship);
  await client.workflow.start<typeof verifyShip>('verifyShip', {
    workflowId,
    taskQueue: names.taskQueue,
    args: [input],
    workflowIdConflictPolicy: 'USE_EXISTING',
    staticSummary: `${ship}: compares ${ranges ? `${ranges.length} ranges of ` : ''}${from} to ${to}`,
    memo: { from, to, ...(digest && { digest }) },
    typedSearchAttributes: [{ key: shipId, value: ship }],
  });
  const handle = client.workflow.getHandle<typeof verifyShip>(workflowId);
  const { memo } = await handle.describe();
  if (memo?.['from'] === from && memo['to'] === to && (memo['digest'] ?? '') === digest)
    return handle;
  throw new FairleadError(
    'migration-differs',
    `${ship}: a verification of ${String(memo?.['from'])} to ${String(memo?.['to'])} runs already; asked was ${from} to ${to}`,
    {
      hint: `repeat the command when it has ended; to end it, where no migration of ${ship} runs: fairlead cancel ${shellWord(ship)}`,
    },
  );
}

/** How a verification that was watched ended, or that it goes on without us. */
export type WatchedVerification = VerifyReport | 'cancelled' | 'detached';

export interface VerificationWatcher {
  task: ProgressTask;
  note: (sentence: string) => void;
  signal: AbortSignal;
}

/**
 * @throws {FairleadError} `worker-absent` when nobody answers in the beginning
 */
export async function watchVerification(
  temporal: TemporalClient,
  names: Names,
  handle: VerifyHandle,
  { task, note, signal }: VerificationWatcher,
): Promise<WatchedVerification> {
  const over = callController();
  const result = resultOf(temporal, handle, over.signal);
  result.catch(() => undefined);
  const startedAt = Date.now();
  let answered = false;
  try {
    while (!signal.aborted) {
      const pause = sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
      const report = await Promise.race([result, pause]);
      if (report) return report;
      const reply = await askWorkflow(temporal, handle, verifyProgress);
      if ('answer' in reply) {
        answered = true;
        task.update(Math.floor(reply.answer.percent), 100);
        for (const { reason, hint } of reply.answer.waiting)
          note(`waits: ${reason} → ${hint ?? ''}`);
      } else if (!answered && Date.now() - startedAt > WORKER_PATIENCE_MS)
        throw workerAbsent(names, temporal);
    }
    return 'detached';
  } finally {
    over.abort();
  }
}

/** Asks again where the server was away for a while. */
async function resultOf(
  { connection }: TemporalClient,
  handle: VerifyHandle,
  signal: AbortSignal,
): Promise<VerifyReport | 'cancelled' | undefined> {
  while (!signal.aborted) {
    try {
      return await connection.withAbortSignal(signal, () => handle.result());
    } catch (error) {
      if (signal.aborted) return undefined;
      if (isCancelledRun(error)) return 'cancelled';
      if (!isServerAway(error)) throw error;
      await sleep(POLL_INTERVAL_MS);
    }
  }
  return undefined;
}
