import type { AwakeClock } from './awake-clock.ts';

export interface Bound {
  ms: number;
  clock: AwakeClock;
  /** Ends it earlier, with its own reason. */
  signal: AbortSignal;
  /** What is thrown when the time is over. */
  late: () => Error;
}

/** Gives `work` a signal that is aborted when the time is over, however lively the work is. */
export async function within<T>(
  { ms, clock, signal, late }: Bound,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const forget = clock.after(ms, () => controller.abort(late()));
  try {
    return await work(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    forget();
    signal.removeEventListener('abort', abort);
  }
}
