import { voiceOf, type Voice } from './failure-voice.ts';

/** Durations and how many failures each has: as three columns, by ascending duration. */
export interface CountedDurations {
  seconds: Float64Array;
  counts: Float64Array;
  /** The same duration stands there once for each voice. */
  voices: Voice[];
}

/** A log has two decimals, so that all that lasted less than 10,000 s fits. Some 300 bytes for each, with the verdicts. */
export const MOST_DURATIONS = 1_000_000;
/** What a log has: the first rounding loses nothing of it. */
const LOG_DECIMALS = 2;

/**
 * How often each duration occurs, exactly as it was logged. Where there are too many different ones, all are
 * rounded to one decimal less, again and again; count, ends, mean and shares stay exact.
 */
export class DurationTally {
  count = 0;
  minSeconds = Number.POSITIVE_INFINITY;
  maxSeconds = 0;
  sumSeconds = 0;
  over7200 = 0;
  over7900 = 0;
  /** Infinity: as they were logged; 0: whole seconds; -1: tens of seconds. */
  decimals = Number.POSITIVE_INFINITY;

  #byVoice: Record<Voice, Map<number, number>> = noDurations();
  readonly #most: number;

  constructor(most = MOST_DURATIONS) {
    this.#most = most;
  }

  add(seconds: number, error: string): void {
    this.count++;
    this.minSeconds = Math.min(this.minSeconds, seconds);
    this.maxSeconds = Math.max(this.maxSeconds, seconds);
    this.sumSeconds += seconds;
    if (seconds > 7_200) this.over7200++;
    if (seconds > 7_900) this.over7900++;
    this.#increase(voiceOf(error), seconds, 1);
    while (this.#different > this.#most) this.#coarsen();
  }

  counted(): CountedDurations {
    const all = Object.entries(this.#byVoice) as [Voice, Map<number, number>][];
    const order = new Float64Array(this.#different);
    let length = 0;
    for (const [, counts] of all) for (const seconds of counts.keys()) order[length++] = seconds;
    order.sort();
    const counted: CountedDurations = {
      seconds: new Float64Array(length),
      counts: new Float64Array(length),
      voices: [],
    };
    for (let start = 0; start < length; start = counted.voices.length) {
      const seconds = order[start]!;
      for (const [voice, counts] of all) {
        const count = counts.get(seconds);
        if (count === undefined) continue;
        counted.seconds[counted.voices.length] = seconds;
        counted.counts[counted.voices.length] = count;
        counted.voices.push(voice);
      }
    }
    return counted;
  }

  get #different(): number {
    const { silence, server, 'statement-timeout': told } = this.#byVoice;
    return silence.size + server.size + told.size;
  }

  #increase(voice: Voice, seconds: number, count: number): void {
    const counts = this.#byVoice[voice];
    const rounded = roundTo(this.decimals, seconds);
    counts.set(rounded, (counts.get(rounded) ?? 0) + count);
  }

  #coarsen(): void {
    const finer = this.#byVoice;
    this.#byVoice = noDurations();
    this.decimals = Math.min(LOG_DECIMALS, this.decimals - 1);
    for (const voice of Object.keys(finer) as Voice[])
      for (const [seconds, count] of finer[voice]) this.#increase(voice, seconds, count);
  }
}

const noDurations = (): Record<Voice, Map<number, number>> => ({
  silence: new Map(),
  server: new Map(),
  'statement-timeout': new Map(),
});

function roundTo(decimals: number, seconds: number): number {
  if (decimals === Number.POSITIVE_INFINITY) return seconds;
  const factor = 10 ** decimals;
  return Math.round(seconds * factor) / factor;
}
