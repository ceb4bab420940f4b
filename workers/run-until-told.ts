import {
  GracefulShutdownPeriodExpiredError,
  IllegalStateError,
  type Worker,
} from '@temporalio/worker';
import type { Logger } from 'pino';

export interface RunUntilToldOptions {
  log: Logger;
  /** Aborted when this process is told to end. */
  signal: AbortSignal;
}

export type RunningWorker = Pick<Worker, 'run' | 'shutdown' | 'getState'>;

/**
 * Runs workers of one process until SIGTERM or SIGINT; when one of them fails, the others end too. What does not end
 * in the time that the workers have for it, or cannot say so because Temporal is away, is given up: another attempt
 * does it again.
 */
export async function runUntilTold(
  workers: readonly RunningWorker[],
  { log, signal }: RunUntilToldOptions,
): Promise<void> {
  const errors: unknown[] = [];
  const run = async (worker: RunningWorker): Promise<void> => {
    try {
      await worker.run();
    } catch (error) {
      errors.push(error);
      for (const other of workers) if (other.getState() === 'RUNNING') other.shutdown();
    }
  };
  await Promise.all(workers.map(run));
  if (errors.length === 0) return;
  if (!signal.aborted || !errors.every(isOfTimeExpired)) throw errors[0];
  log.warn('worker gave up what did not end in time, or could not tell Temporal');
}

/** While an activity still runs, the SDK's own clearing up fails too, and that error takes the place of the first. */
const isOfTimeExpired = (error: unknown): boolean =>
  error instanceof GracefulShutdownPeriodExpiredError || error instanceof IllegalStateError;
