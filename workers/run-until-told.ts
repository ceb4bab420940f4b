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

/**
 * Runs a worker until SIGTERM or SIGINT. What does not end in the time that the worker has for it, or cannot say so
 * because Temporal is away, is given up: another attempt does it again.
 */
export async function runUntilTold(
  worker: Pick<Worker, 'run'>,
  { log, signal }: RunUntilToldOptions,
): Promise<void> {
  try {
    await worker.run();
  } catch (error) {
    if (!signal.aborted || !isOfTimeExpired(error)) throw error;
    log.warn('worker gave up what did not end in time, or could not tell Temporal');
  }
}

/** While an activity still runs, the SDK's own clearing up fails too, and that error takes the place of the first. */
const isOfTimeExpired = (error: unknown): boolean =>
  error instanceof GracefulShutdownPeriodExpiredError || error instanceof IllegalStateError;
