import type { EndReason } from './sensor.ts';

const SLOT_MS = 300_000;
const SLOTS = 12;
const RADIX = 36;

const reasons = Object.keys({
  stopped: 0,
  'dead-peer': 0,
  closed: 0,
  'thrown-out': 0,
  lost: 0,
  'not-opened': 0,
  'protocol-error': 0,
} satisfies Record<EndReason, 0>) as EndReason[];

/** Of one slot, as whole numbers. Their order is that of {@link LastHourJson}: new ones go to the end. */
const figures = [
  'connects',
  'connectedMs',
  'gapMs',
  'pings',
  'pingLeastUs',
  'pingSumUs',
  'pingMostUs',
  'messages',
  'bytes',
  'droppedMessages',
  'droppedBytes',
  'mostQueuedBytes',
  'restCalls',
  'restErrors',
  'restSumMs',
  ...reasons,
] as const;

type Figure = (typeof figures)[number];
type Slot = Map<Figure, number>;

/** The last hour as it travels in heartbeat details: by slot of five minutes, the figures in base 36. */
export type LastHourJson = Record<string, string>;

/** What `sensor status` says about the last hour. Instants fall out of it five minutes at a time. */
export interface LastHourSummary {
  connects: number;
  /** Connections that ended, or were not had, by reason; without those that did not occur. */
  ended: Partial<Record<EndReason, number>>;
  connectedSeconds: number;
  gapSeconds: number;
  pingMs?: { min: number; mean: number; max: number };
  messages: number;
  bytes: number;
  dropped: { messages: number; bytes: number };
  maxQueuedBytes: number;
  /** Of calls to the sensor's REST address, where there were some. */
  rest?: { calls: number; errors: number; meanMs: number };
}

/**
 * Adds up what happens to one stream, over the last hour. Time is counted while it passes, so that a connection of
 * months counts as one hour.
 */
export class LastHour {
  readonly #slots = new Map<number, Slot>();
  readonly #now: () => number;
  /** Up to here the time of the open connection is counted. */
  #connectedUntilMs: number | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Goes on where another process stopped, which no longer holds a connection. What cannot be read is left out. */
  static fromJson(json: unknown, now: () => number = Date.now): LastHour {
    const hour = new LastHour(now);
    for (const [slot, text] of entriesOf(json)) hour.#slots.set(slot, slotOf(text));
    return hour;
  }

  toJson(): LastHourJson {
    const slots = this.#current().filter(([, slot]) => slot.size > 0);
    return Object.fromEntries(slots.map(([index, slot]) => [index.toString(RADIX), textOf(slot)]));
  }

  connectionOpened(): void {
    this.#count('connects', 1);
    this.#countConnected();
    this.#connectedUntilMs = this.#now();
  }

  connectionEnded(reason: EndReason): void {
    this.#countConnected();
    this.#connectedUntilMs = undefined;
    this.#count(reason, 1);
  }

  pinged(ms: number): void {
    const us = Math.max(1, ms * 1_000);
    const least = this.#slot().get('pingLeastUs') ?? us;
    this.#slot().set('pingLeastUs', Math.round(Math.min(least, us)));
    this.#count('pings', 1);
    this.#count('pingSumUs', us);
    this.#raise('pingMostUs', us);
  }

  received({ messages, bytes }: { messages: number; bytes: number }): void {
    this.#count('messages', messages);
    this.#count('bytes', bytes);
  }

  dropped({ messages, bytes }: { messages: number; bytes: number }): void {
    this.#count('droppedMessages', messages);
    this.#count('droppedBytes', bytes);
  }

  queued(bytes: number): void {
    this.#raise('mostQueuedBytes', bytes);
  }

  /** @param seconds up to now */
  gap(seconds: number): void {
    this.#spread('gapMs', this.#now() - seconds * 1_000);
  }

  rest({ failed, seconds }: { failed: boolean; seconds: number }): void {
    this.#count('restCalls', 1);
    this.#count('restErrors', failed ? 1 : 0);
    this.#count('restSumMs', seconds * 1_000);
  }

  summary(): LastHourSummary {
    this.#countConnected();
    return summaryOf(this.#current().map(([, slot]) => slot));
  }

  #current(): [number, Slot][] {
    this.#countConnected();
    this.#forget();
    return [...this.#slots].toSorted(([a], [b]) => a - b);
  }

  #countConnected(): void {
    if (this.#connectedUntilMs === undefined) return;
    this.#spread('connectedMs', this.#connectedUntilMs);
    this.#connectedUntilMs = this.#now();
  }

  /** Counts the time from `fromMs` to now in the slots where it passed. */
  #spread(figure: Figure, fromMs: number): void {
    const toMs = this.#now();
    const newest = Math.floor(toMs / SLOT_MS);
    const oldest = Math.max(Math.floor(fromMs / SLOT_MS), newest - SLOTS + 1);
    for (let index = oldest; index <= newest; index++) {
      const from = Math.max(fromMs, index * SLOT_MS);
      const to = Math.min(toMs, (index + 1) * SLOT_MS);
      this.#count(figure, Math.max(0, to - from), index);
    }
  }

  #count(figure: Figure, value: number, index?: number): void {
    const slot = this.#slot(index);
    if (value > 0) slot.set(figure, (slot.get(figure) ?? 0) + Math.round(value));
  }

  #raise(figure: Figure, value: number): void {
    const slot = this.#slot();
    if (value > 0) slot.set(figure, Math.max(slot.get(figure) ?? 0, Math.round(value)));
  }

  #slot(index = Math.floor(this.#now() / SLOT_MS)): Slot {
    let slot = this.#slots.get(index);
    if (slot) return slot;
    this.#slots.set(index, (slot = new Map()));
    this.#forget();
    return slot;
  }

  /** Also what lies ahead, after the clock was set back. */
  #forget(): void {
    const newest = Math.floor(this.#now() / SLOT_MS);
    for (const index of this.#slots.keys()) {
      if (index <= newest - SLOTS || index > newest) this.#slots.delete(index);
    }
  }
}

function summaryOf(slots: readonly Slot[]): LastHourSummary {
  const of = (figure: Figure) => slots.flatMap((slot) => slot.get(figure) ?? []);
  const sum = (figure: Figure) => of(figure).reduce((total, value) => total + value, 0);
  const most = (figure: Figure) => Math.max(0, ...of(figure));
  const [pings, calls] = [sum('pings'), sum('restCalls')];
  const ping = () => ({
    min: Math.min(...of('pingLeastUs')) / 1_000,
    mean: Math.round(sum('pingSumUs') / pings) / 1_000,
    max: most('pingMostUs') / 1_000,
  });
  const rest = () => ({
    calls,
    errors: sum('restErrors'),
    meanMs: Math.round((sum('restSumMs') / calls) * 10) / 10,
  });
  return {
    connects: sum('connects'),
    ended: Object.fromEntries(
      reasons.flatMap((reason) => (sum(reason) > 0 ? [[reason, sum(reason)]] : [])),
    ),
    connectedSeconds: sum('connectedMs') / 1_000,
    gapSeconds: sum('gapMs') / 1_000,
    ...(pings > 0 && { pingMs: ping() }),
    messages: sum('messages'),
    bytes: sum('bytes'),
    dropped: { messages: sum('droppedMessages'), bytes: sum('droppedBytes') },
    maxQueuedBytes: most('mostQueuedBytes'),
    ...(calls > 0 && { rest: rest() }),
  };
}

const textOf = (slot: Slot): string =>
  figures.map((figure) => slot.get(figure)?.toString(RADIX) ?? '').join(',');

function slotOf(text: string): Slot {
  const values = text.split(',').map((part) => Number.parseInt(part, RADIX));
  return new Map(
    figures.flatMap((figure, index) => {
      const value = values[index];
      return value !== undefined && value > 0 ? [[figure, value]] : [];
    }),
  );
}

function entriesOf(json: unknown): [number, string][] {
  if (typeof json !== 'object' || json === null) return [];
  return Object.entries(json).flatMap(([key, text]) => {
    const slot = Number.parseInt(key, RADIX);
    return Number.isFinite(slot) && typeof text === 'string' ? [[slot, text]] : [];
  });
}
