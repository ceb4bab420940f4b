import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from './report.ts';
import { describeExit } from './server-process.ts';
import type { Exit } from './server-process.ts';

/** A process that runs now. */
export type Running = { pid: number; exited: Promise<Exit>; stop(): Promise<void> };

export type Supervised = {
  /** How often it was started again. */
  restarts: () => number;
  pid: () => number;
  /** Ends the supervision first, then the process. */
  stop: () => Promise<void>;
};

const FIRST_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;
/** Who ran this long has recovered: the next failure starts at the first backoff again. */
const STEADY_MS = 60_000;

/** The wait before the n-th start in a row that did not last, counted from 1: 1, 2, 4 … 30 s. */
export const backoffMs = (attempt: number): number =>
  Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));

/**
 * Starts a process, and starts it again whenever it ends without having been asked to.
 *
 * ```
 * running --exit--> waiting (1 … 30 s) --> starting --ok--> running
 *                      ^------------- failed ----'
 * stop(): from each of them to stopped
 * ```
 *
 * @param options.first the first start, already done
 * @param options.restart starts it again in the same place, on the same port
 */
export function supervise(options: {
  name: string;
  first: Running;
  restart: () => Promise<Running>;
  report: Report;
}): Supervised {
  const stopping = new AbortController();
  const state = { running: options.first, restarts: 0 };
  const watching = watch(options, state, stopping.signal);
  return {
    restarts: () => state.restarts,
    pid: () => state.running.pid,
    stop: async () => {
      stopping.abort();
      await watching;
      await state.running.stop();
    },
  };
}

async function watch(
  options: { name: string; restart: () => Promise<Running>; report: Report },
  state: { running: Running; restarts: number },
  stopping: AbortSignal,
): Promise<void> {
  const stopped = new Promise<undefined>((resolve) => {
    stopping.addEventListener('abort', () => resolve(undefined));
  });
  let attempt = 0;
  for (;;) {
    const startedAt = Date.now();
    const exit = await Promise.race([state.running.exited, stopped]);
    if (exit === undefined || stopping.aborted) return;
    attempt = Date.now() - startedAt >= STEADY_MS ? 1 : attempt + 1;
    const next = await startAgain(options, describeExit(exit), attempt, stopping);
    if (next === undefined) return;
    attempt = next.attempt;
    state.running = next.running;
    state.restarts += 1;
  }
}

async function startAgain(
  { name, restart, report }: { name: string; restart: () => Promise<Running>; report: Report },
  how: string,
  firstAttempt: number,
  stopping: AbortSignal,
): Promise<{ running: Running; attempt: number } | undefined> {
  let reason = `ended with ${how}`;
  for (let attempt = firstAttempt; ; attempt += 1) {
    report(`${name} ${reason}: starting it again in ${backoffMs(attempt) / 1000} s`);
    await sleep(backoffMs(attempt), undefined, { signal: stopping }).catch(() => undefined);
    if (stopping.aborted) return undefined;
    try {
      const running = await restart();
      report(`${name} runs again (process ${running.pid})`);
      return { running, attempt };
    } catch (error) {
      reason = `did not start (${error instanceof Error ? error.message : String(error)})`;
    }
  }
}
