/** How the source does, by one look at it. What is not limited, or may not be seen, is undefined. */
export interface SourceHealth {
  /** Of a statement that does nothing. */
  latencyMs: number;
  /** Backends that are active, but ours. */
  active: number | undefined;
  replicationLagMs: number | undefined;
  /** Chunks that all workers together are reading now. */
  inFlight: number;
}

/** Beyond them, the source is spared; undefined is no limit. */
export interface SourceLimits {
  maxLatencyMs: number;
  maxActive: number | undefined;
  maxReplicationLagMs: number | undefined;
}

/** Why the source is spared. Times are in milliseconds. */
export interface SourceStrain {
  cause: 'latency' | 'active' | 'replication-lag';
  found: number;
  limit: number;
}

/** How many chunks a worker may let the source have in flight. */
export interface SourceAllowance {
  slots: number;
  /** Looks in a row that found nothing over its limit. */
  calmLooks: number;
  /** The last one seen; gone once all slots are allowed again. */
  strain: SourceStrain | undefined;
}

/** What a chunk's heartbeat and `status` say while fewer chunks are allowed than configured. */
export interface SourceRestraint extends SourceStrain {
  slots: number;
  ceiling: number;
}

/** After so many calm looks one more chunk is allowed. */
const CALM_LOOKS = 3;

export const allAllowed = (ceiling: number): SourceAllowance => ({
  slots: ceiling,
  calmLooks: 0,
  strain: undefined,
});

/**
 * What is allowed after a look: half of what is in flight while anything is over its limit, one more for every three
 * calm looks. Down quickly and up slowly, so that it settles below the limit; never below one, or nobody would find
 * out that the source is well again.
 */
export function nextAllowance(
  { slots, calmLooks, strain: before }: SourceAllowance,
  health: SourceHealth,
  limits: SourceLimits,
  ceiling: number,
): SourceAllowance {
  const strain = strainOf(health, limits);
  if (strain) {
    const used = health.inFlight > 0 ? Math.min(slots, health.inFlight) : slots;
    return { slots: Math.max(1, Math.floor(used / 2)), calmLooks: 0, strain };
  }
  if (slots >= ceiling) return allAllowed(ceiling);
  if (calmLooks + 1 < CALM_LOOKS) return { slots, calmLooks: calmLooks + 1, strain: before };
  return slots + 1 >= ceiling
    ? allAllowed(ceiling)
    : { slots: slots + 1, calmLooks: 0, strain: before };
}

/** What is over its limit; of several, what a person would look at first. */
export function strainOf(health: SourceHealth, limits: SourceLimits): SourceStrain | undefined {
  const looks: [SourceStrain['cause'], number | undefined, number | undefined][] = [
    ['latency', health.latencyMs, limits.maxLatencyMs],
    ['replication-lag', health.replicationLagMs, limits.maxReplicationLagMs],
    ['active', health.active, limits.maxActive],
  ];
  for (const [cause, found, limit] of looks)
    if (found !== undefined && limit !== undefined && found > limit) return { cause, found, limit };
  return undefined;
}

/** One sentence for an operator. */
export function sentenceOfRestraint({ slots, ceiling, ...strain }: SourceRestraint): string {
  return `the source is spared: ${slots} of ${ceiling} chunks allowed in flight, since ${wordsOf(strain)}`;
}

function wordsOf({ cause, found, limit }: SourceStrain): string {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
  switch (cause) {
    case 'latency':
      return `it took ${seconds(found)} to answer (maxLatency ${seconds(limit)})`;
    case 'replication-lag':
      return `its replication lagged by ${seconds(found)} (maxReplicationLag ${seconds(limit)})`;
    case 'active':
      return `others had ${found} active connections (maxActive ${limit})`;
    default:
      return cause satisfies never;
  }
}
