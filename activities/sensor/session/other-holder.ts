import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionOnServer } from './session-on-server.ts';

const LOOK_EVERY_MS = 300;
/**
 * The one that holds it looks twice a second, and as soon as Temporal answers again. With 10 s of heartbeat timeout
 * and 1 s before the next attempt, a hand-over stays within 15 s.
 */
const SIGN_OF_LIFE_WITHIN_MS = 2_000;

/**
 * Waits for a sign of life of the worker that had the connection last: it may still hold it, unknown to the server.
 *
 * @param beats the last heartbeat of that worker that the server knew
 * @returns false when there was one
 */
export async function untilFree(
  server: SessionOnServer,
  heldBy: string,
  beats: number,
  signal: AbortSignal,
): Promise<boolean> {
  const until = Date.now() + SIGN_OF_LIFE_WITHIN_MS;
  while (Date.now() < until && !signal.aborted) {
    const { details } = await server.look();
    if (details?.session.heldBy === heldBy && details.session.beat > beats) return false;
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  signal.throwIfAborted();
  return true;
}
