const FIRST_DELAY_MS = 1_000;
const LONGEST_DELAY_MS = 60_000;
const JITTER = 0.2;

/**
 * How long to wait after a connection has ended, or was not had: 1, 2, 4, 8 … 60 s, less up to a fifth, so that many
 * clients do not come back at once.
 *
 * @param step 0 after a healthy connection, and one more after each that was not
 * @param random of `[0, 1)`
 * @see docs/sensors.md#reconnecting
 */
export const reconnectDelayMs = (step: number, random: number): number =>
  Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** step) * (1 - JITTER * random);

/**
 * The attempt that follows one, and the wait before it. Only a healthy connection brings the ladder back to its
 * foot, never one that was merely opened: a server that throws out everybody at once is not hammered.
 *
 * @param attempt 0 for the first of all, 1 for the first after a healthy connection
 */
export function nextAttempt(
  { attempt, healthy }: { attempt: number; healthy: boolean },
  random: number,
): { attempt: number; delayMs: number } {
  const step = healthy ? 0 : attempt;
  return { attempt: step + 1, delayMs: reconnectDelayMs(step, random) };
}
