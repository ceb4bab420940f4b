import type { FaultName, FaultOptions } from '../../simulator/faults.ts';
import { seeded, shuffled } from './seeded.ts';

/** One fault of the sensor server, how long it lasts, and when it begins after the start. */
export interface PlannedFault {
  atMs: number;
  forMs: number;
  name: FaultName;
  options: FaultOptions[FaultName];
  /** A connection that is open now is lost by it; so it is held with `refuse` and the like, which meet only new ones. */
  resetsFirst: boolean;
}

export type Blow = 'kill the worker' | 'restart Temporal' | 'kill Temporal';

export interface PlannedBlow {
  atMs: number;
  blow: Blow;
}

export interface SoakPlan {
  faults: PlannedFault[];
  blows: PlannedBlow[];
}

export interface PlanOptions {
  totalMs: number;
  faultEveryMs: number;
  /** Worker and Temporal in turn: each once in this time. */
  blowEveryMs: number;
  seed: number;
}

type Kind = Omit<PlannedFault, 'atMs'>;

const kind = <N extends FaultName>(
  name: N,
  seconds: number,
  options: FaultOptions[N] = {},
  resetsFirst = false,
): Kind => ({ name, forMs: seconds * 1_000, options, resetsFirst });

/** Each of them happens; those that pass in a moment more often. */
const kinds: readonly Kind[] = [
  kind('close', 0, { code: 1011, reason: 'Writing buffer is full' }),
  kind('close', 0, { code: 1001, reason: 'going away' }),
  kind('close', 0, { code: 1006 }),
  kind('reset', 0),
  kind('reset', 0),
  kind('silent', 12),
  kind('mute', 40),
  kind('stall', 4),
  kind('stall', 40),
  kind('refuse', 12, {}, true),
  kind('trickle', 12, {}, true),
  kind('close', 8, { code: 1006, keep: true }),
  kind('reset', 8, { keep: true, at: 'accept' }),
  kind('slow', 20),
  kind('garbage', 6, { kind: 'bytes', every: 3 }),
  kind('garbage', 6, { kind: 'text', every: 4 }),
  kind('garbage', 3, { kind: 'fragments', every: 5 }),
  kind('garbage', 6, { kind: 'unknown', every: 2 }),
  kind('garbage', 2, { kind: 'header' }),
  kind('garbage', 2, { kind: 'frames' }),
  kind('health', 5, { master: 5 }),
];

/** The last part of a soak has no faults, so that it ends with a connection that lives. */
const QUIET_END_MS = 75_000;
const QUIET_START_MS = 5_000;

/** What is done to server, worker and Temporal, and when; the same seed plans the same. */
export function planSoak({ totalMs, faultEveryMs, blowEveryMs, seed }: PlanOptions): SoakPlan {
  const random = seeded(seed);
  const lastMs = Math.max(QUIET_START_MS, totalMs - QUIET_END_MS);
  return {
    faults: planFaults(lastMs, faultEveryMs, random),
    blows: planBlows(lastMs, blowEveryMs, random),
  };
}

/** A shuffled deck, so that a short soak meets as many kinds as it can. */
function planFaults(lastMs: number, everyMs: number, random: () => number): PlannedFault[] {
  const faults: PlannedFault[] = [];
  let deck: Kind[] = [];
  let freeAtMs = QUIET_START_MS;
  for (let slotMs = 0; ; slotMs += everyMs) {
    const atMs = Math.max(freeAtMs, slotMs + Math.floor((random() * everyMs) / 3));
    if (deck.length === 0) deck = shuffled(kinds, random);
    const next = deck.pop()!;
    if (atMs + next.forMs > lastMs) return faults;
    faults.push({ atMs, ...next });
    freeAtMs = atMs + next.forMs + 1_000;
  }
}

/** In turn, half a period apart, at a moment of its own choice. */
function planBlows(lastMs: number, everyMs: number, random: () => number): PlannedBlow[] {
  const blows: PlannedBlow[] = [];
  for (let half = 1; ; half++) {
    const atMs = Math.floor((half - 0.5 + random() * 0.4) * (everyMs / 2));
    if (atMs > lastMs) return blows;
    const ofTemporal: Blow = random() < 0.5 ? 'restart Temporal' : 'kill Temporal';
    blows.push({ atMs, blow: half % 2 === 1 ? 'kill the worker' : ofTemporal });
  }
}
