import type { Judgement } from './classify-failure.ts';
import type { FailureKind } from './errors.ts';

/** The waits of a migration; tests shorten them. */
export interface MigrationTiming {
  /** How long one attempt at a chunk may take. */
  chunkTimeoutMs: number;
  /** How long one attempt at anything else may take. */
  stepTimeoutMs: number;
  /** Without a heartbeat for so long, the worker counts as lost. */
  heartbeatTimeoutMs: number;
  retryInitialMs: number;
  retryMaximumMs: number;
  /** Attempts that Temporal makes before the workflow shows that it waits. */
  retryAttempts: number;
  /** The first wait and the longest one, after a failure that passes by itself. */
  transientWaitMs: [first: number, longest: number];
  /** The same after a failure that a person has to remove. */
  operatorWaitMs: [first: number, longest: number];
  /** A server that is read-only for no longer may be failing over. */
  failoverMs: number;
}

export const DEFAULT_TIMING: MigrationTiming = {
  chunkTimeoutMs: 3_600_000,
  stepTimeoutMs: 3_600_000,
  heartbeatTimeoutMs: 30_000,
  retryInitialMs: 5_000,
  retryMaximumMs: 60_000,
  retryAttempts: 5,
  transientWaitMs: [30_000, 300_000],
  operatorWaitMs: [60_000, 300_000],
  failoverMs: 120_000,
};

/** What a chunk may wait for a slot of the source comes on top of `chunkTimeout`: a wait is no reason to split it. */
const SLOT_WAIT_SHARE = 1 / 10;

/** How long an attempt at a chunk may take, with its wait for a slot. */
export const chunkTimeWithSlotMs = ({ chunkTimeoutMs }: MigrationTiming): number =>
  chunkTimeoutMs * (1 + SLOT_WAIT_SHARE);

/** How much of that it may wait for one. */
export const slotWaitWithin = (chunkTimeMs: number): number =>
  (chunkTimeMs * SLOT_WAIT_SHARE) / (1 + SLOT_WAIT_SHARE);

/**
 * How long a workflow waits before it tries again, doubling each round.
 *
 * @returns undefined when waiting does not help
 */
export function waitBeforeRetryMs(
  kind: FailureKind,
  round: number,
  timing: MigrationTiming,
): number | undefined {
  if (kind === 'transient' || kind === 'outcome-unknown')
    return doubled(timing.transientWaitMs, round);
  if (kind === 'operator') return doubled(timing.operatorWaitMs, round);
  return undefined;
}

/**
 * What a failure is, after it has been waited for so long: a server that is read-only may be failing over, which passes
 * by itself; only when that takes too long, a person must act.
 */
export function kindAfter(
  { code, kind }: Judgement,
  waitedMs: number,
  { failoverMs }: MigrationTiming,
): FailureKind {
  return code === 'read-only' && waitedMs < failoverMs ? 'transient' : kind;
}

function doubled([first, longest]: [number, number], round: number): number {
  return Math.min(longest, first * 2 ** Math.min(round, 30));
}
