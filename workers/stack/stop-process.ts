import { setTimeout as sleep } from 'node:timers/promises';
import { isSameProcess } from '../../activities/process-identity.ts';
import type { ProcessIdentity } from '../../activities/process-identity.ts';

/** A signal, and how long the process may take to end after it. */
export type StopStep = { signal: NodeJS.Signals; waitMs: number };

const POLL_MS = 20;

/**
 * Ends a process by sending the steps' signals one after the other until it is gone.
 *
 * @returns whether it is gone
 */
export async function stopProcess(
  target: ProcessIdentity,
  steps: readonly StopStep[],
): Promise<boolean> {
  for (const { signal, waitMs } of steps) {
    if (!isSameProcess(target)) return true;
    send(target.pid, signal);
    if (await isGone(target, waitMs)) return true;
  }
  return !isSameProcess(target);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

async function isGone(target: ProcessIdentity, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    if (!isSameProcess(target)) return true;
    await sleep(POLL_MS);
  }
  return !isSameProcess(target);
}
