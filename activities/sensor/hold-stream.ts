import { setTimeout as sleep } from 'node:timers/promises';
import { nextAttempt } from '../../domain/reconnect-ladder.ts';
import type { StreamHolder } from './stream-holder.ts';

export interface Retry {
  seconds: number;
  attempt: number;
  reason: string;
}

export interface HoldOptions {
  /** Closes the connection with code 1000, and ends the waiting. */
  signal: AbortSignal;
  onRetry: (retry: Retry) => void;
  random?: () => number;
}

/** Holds a stream in this process, one connection after the other, until the signal. */
export async function holdStream(
  holder: Pick<StreamHolder, 'holdConnection'>,
  { signal, onRetry, random = Math.random }: HoldOptions,
): Promise<void> {
  for (let attempt = 0; !signal.aborted;) {
    const { healthy, detail } = await holder.holdConnection({ attempt, signal });
    if (signal.aborted) return;
    const next = nextAttempt({ attempt, healthy }, random());
    attempt = next.attempt;
    onRetry({ seconds: next.delayMs / 1_000, attempt, reason: detail });
    await sleep(next.delayMs, undefined, { signal }).catch(() => {});
  }
}
