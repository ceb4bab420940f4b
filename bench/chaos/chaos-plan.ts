import { seeded, shuffled } from '../soak/seeded.ts';

/** What a fault needs for itself: two faults of one resource never overlap, those of two do. */
type Resource =
  'worker' | 'postgres' | 'temporal' | 'path' | 'disk' | 'brake' | 'lock' | 'steering';

/** Seconds are of the shortened timers (a heartbeat timeout of 3 s): the shortest and the longest that it lasts. */
const kinds = {
  'worker killed': ['worker', 0.3, 2],
  'worker stopped': ['worker', 4, 9],
  'worker told to stop': ['worker', 0.3, 1],
  'PostgreSQL killed': ['postgres', 0.2, 3],
  'PostgreSQL shut down at once': ['postgres', 0.2, 3],
  'PostgreSQL restarted': ['postgres', 0.2, 2],
  'a backend killed': ['postgres', 0, 0],
  'Temporal killed': ['temporal', 0.2, 4],
  'Temporal restarted': ['temporal', 0.2, 2],
  'backends terminated': ['postgres', 0, 0],
  'backends cancelled': ['postgres', 0, 0],
  'path cut': ['path', 0.5, 6],
  'path black-holed': ['path', 2, 12],
  'path reset': ['path', 0, 0],
  'message cut': ['path', 0, 0],
  'COMMIT lost': ['path', 0, 0],
  'answer to COMMIT withheld': ['path', 0.1, 8],
  'path to Temporal cut': ['temporal', 1, 6],
  'disk full': ['disk', 3, 9],
  'statements too slow': ['brake', 14, 19],
  'wide tables locked': ['lock', 1, 8],
  'ledger rows locked': ['lock', 1, 8],
  'hours locked': ['lock', 1, 8],
  'narrow table locked': ['lock', 1, 5],
  paused: ['steering', 1, 4],
  cancelled: ['steering', 0, 0],
  'window changed': ['steering', 0, 0],
  'command killed': ['steering', 0, 0],
} as const satisfies Record<string, readonly [Resource, number, number]>;

export type FaultKind = keyof typeof kinds;

export const faultKinds = Object.keys(kinds) as FaultKind[];

export interface PlannedFault {
  kind: FaultKind;
  /** After the start. */
  atMs: number;
  forMs: number;
  /** From 0 up to 1: whom it meets. */
  choice: number;
}

export interface ChaosPlanOptions {
  totalMs: number;
  /** From the beginning of one fault to that of the next, on the average. */
  everyMs: number;
  seed: number;
  leftOut?: readonly FaultKind[];
  /** Longer timers make longer faults: 1 for those of the kinds above. */
  scale?: number;
}

/** The first chunks run undisturbed, so that every fault meets some. */
const QUIET_START_MS = 1_000;
const PAUSE_MS = 500;

/**
 * What happens, and when; the same seed plans the same. Kinds come from shuffled decks, so that each of them happens
 * before one happens twice.
 */
export function planChaos(options: ChaosPlanOptions): PlannedFault[] {
  const { totalMs, everyMs, seed, leftOut = [], scale = 1 } = options;
  const random = seeded(seed);
  const deck = faultKinds.filter((kind) => !leftOut.includes(kind));
  const freeAtMs = new Map<Resource, number>();
  const faults: PlannedFault[] = [];
  const freeFrom = (kind: FaultKind): number => freeAtMs.get(kinds[kind][0]) ?? 0;
  for (let cards = shuffled(deck, random), nextMs = QUIET_START_MS; ;) {
    if (cards.length === 0) cards = shuffled(deck, random);
    const soonest = Math.min(...cards.map((kind) => Math.max(nextMs, freeFrom(kind))));
    const kind = cards.find((card) => freeFrom(card) <= soonest)!;
    cards = cards.filter((card) => card !== kind);
    const [resource, least, most] = kinds[kind];
    const forMs = Math.round((least + random() * (most - least)) * 1_000 * scale);
    const atMs = Math.round(soonest);
    const choice = random();
    if (atMs >= totalMs) return faults;
    faults.push({ kind, atMs, forMs: Math.min(forMs, totalMs - atMs), choice });
    freeAtMs.set(resource, atMs + forMs + PAUSE_MS);
    nextMs = atMs + everyMs * (0.3 + 1.4 * random());
  }
}
