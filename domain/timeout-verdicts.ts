import type { CountedDurations } from './duration-tally.ts';
import type { Voice } from './failure-voice.ts';
import {
  KERNEL_HZ,
  keepaliveTimer,
  retransmissionTimer,
  type KeepaliveTimer,
  type KernelHz,
  type RetransmissionTimer,
  type SecondsWindow,
} from './kernel-timers.ts';

export type TimeoutCause = 'tcp-keepalive' | 'tcp-retransmission' | 'statement-timeout' | 'unknown';

/** In the order in which a report tells them. */
export const TIMEOUT_CAUSES = [
  'tcp-keepalive',
  'tcp-retransmission',
  'statement-timeout',
  'unknown',
] as const satisfies readonly TimeoutCause[];

/** Failures that lie where one cause puts them. */
export interface Fit extends SecondsWindow {
  count: number;
  /** How many would lie there if those that no cause explains were spread evenly. */
  byChance: number;
}

/** Keepalive at one HZ, beside what was logged. */
export interface KeepaliveFit extends Fit {
  timer: KeepaliveTimer;
  /** Those that lasted as long as a connection opened right after one like it. */
  repeated: number;
  /** True where this HZ explains failures that no better one does. */
  isChosen: boolean;
}

export interface RetransmissionFit extends Fit {
  timer: RetransmissionTimer;
  isChosen: boolean;
}

/** A round limit, and the failures just above it. */
export interface LimitFit extends Fit {
  limitSeconds: number;
  medianExcessSeconds: number;
}

/** What became of all failures. */
export interface Judgement {
  /** The cause of each duration, in their order. */
  causes: TimeoutCause[];
  counts: Record<TimeoutCause, number>;
  /** How each HZ would explain them; the chosen ones first. */
  keepalive: KeepaliveFit[];
  /** True when no HZ is much more likely than the next one. */
  hzIsOpen: boolean;
  retransmission: RetransmissionFit[];
  limits: LimitFit[];
  /** Statement timeouts that the server's own words tell. */
  toldByServer: number;
  /** Of the unknown ones: those that the server ended in words, so that the connection lived. */
  answeredByServer: number;
  /** Of the unknown ones: after the first keepalive probe could go out, and before the last. */
  betweenProbes: number;
}

/** A window must hold this many times what chance would put there. */
const TIMES_CHANCE = 5;
/** A second HZ beside a first one: it takes more than one failure. */
const LEAST_FOR_ANOTHER_HZ = 3;
/** A limit that only one failure of many lies at may be chance. */
const LEAST_FOR_LIMIT = 2;
const FEW_FAILURES = 3;
/** A factor of twenty between two likelihoods. */
const CLEARLY_MORE_LIKELY = Math.log(20);
/** The log rounds to 10 ms, and a new connection takes some time to be made. */
const REPEATED_WITHIN = { beforeSeconds: 0.05, afterSeconds: 0.01 };
const LOG_ROUNDING_SECONDS = 0.01;
const LEAST_SPAN_SECONDS = 10_000;

const MINUTE = 60;
const HALF_HOUR = 30 * MINUTE;
/** What people set a `statement_timeout` to. */
const ROUND_LIMITS = [
  ...[1, 2, 3, 5, 10, 15, 20, 25, 40, 45, 50].map((minutes) => minutes * MINUTE),
  ...Array.from({ length: 48 }, (_, halfHours) => (halfHours + 1) * HALF_HOUR),
];

/** How late a client may be told of a statement timeout: the way back, and a server that is busy. */
const spreadOf = (limit: number): number => Math.max(5, 0.005 * limit);

/**
 * Tells what ended each failed query, by the time that it took.
 *
 * A cause is named only where far more failures lie in its windows than evenly spread ones would. Of several values of
 * HZ the one counts that makes the durations most likely: the narrowest window that still holds them.
 */
export function judgeDurations(durations: CountedDurations): Judgement {
  const { seconds, voices } = durations;
  const evidence = new Evidence(durations);
  const keepalive = evidence.keepalive();
  const retransmission = evidence.retransmission(keepalive);
  const limits = evidence.limits();
  const causes = voices.map((voice, index) => evidence.causes[index] ?? causeToldBy(voice));
  const sumWhere = (isMeant: (index: number) => boolean): number =>
    durations.counts.reduce((sum, count, index) => sum + (isMeant(index) ? count : 0), 0);
  const isUnknown = (index: number) => causes[index] === 'unknown';
  return {
    causes,
    counts: countsByCause((cause) => sumWhere((index) => causes[index] === cause)),
    keepalive,
    hzIsOpen: evidence.hzIsOpen,
    retransmission,
    limits,
    toldByServer: sumWhere((index) => voices[index] === 'statement-timeout'),
    answeredByServer: sumWhere((index) => isUnknown(index) && voices[index] === 'server'),
    betweenProbes: sumWhere(
      (index) => isUnknown(index) && seconds[index]! > 7_200 && seconds[index]! < 7_900,
    ),
  };
}

const causeToldBy = (voice: Voice): TimeoutCause =>
  voice === 'statement-timeout' ? 'statement-timeout' : 'unknown';

const countsByCause = (countOf: (cause: TimeoutCause) => number): Record<TimeoutCause, number> => ({
  'tcp-keepalive': countOf('tcp-keepalive'),
  'tcp-retransmission': countOf('tcp-retransmission'),
  'statement-timeout': countOf('statement-timeout'),
  unknown: countOf('unknown'),
});

const isWithin = (value: number, { fromSeconds, toSeconds }: SecondsWindow): boolean =>
  value >= fromSeconds - LOG_ROUNDING_SECONDS && value <= toSeconds + LOG_ROUNDING_SECONDS;

const widthOf = ({ fromSeconds, toSeconds }: SecondsWindow): number => toSeconds - fromSeconds;

const limitWindow = (limit: number): SecondsWindow => ({
  fromSeconds: limit,
  toSeconds: limit + spreadOf(limit),
});

const keepaliveTimers = KERNEL_HZ.map(keepaliveTimer);

/** Gives durations that the server said nothing of to causes, one cause after the other, and remembers what is left. */
class Evidence {
  readonly causes: (TimeoutCause | undefined)[];
  hzIsOpen = false;
  readonly #seconds: Float64Array;
  readonly #counts: Float64Array;
  /** Indices of durations. */
  readonly #all: number[] = [];
  readonly #retransmissionTimers = KERNEL_HZ.map(retransmissionTimer);
  readonly #perSecond: number;

  constructor({ seconds, counts, voices }: CountedDurations) {
    this.#seconds = seconds;
    this.#counts = counts;
    this.causes = voices.map(() => undefined);
    voices.forEach((voice, index) => {
      if (voice === 'silence') this.#all.push(index);
    });
    this.#perSecond = this.#backgroundPerSecond();
  }

  /** How many failures lasted so long. */
  #countOf(indices: readonly number[]): number {
    return indices.reduce((sum, index) => sum + this.#counts[index]!, 0);
  }

  /** Failures per second of duration, where no cause puts any. */
  #backgroundPerSecond(): number {
    const windows: SecondsWindow[] = [
      ...keepaliveTimers,
      ...this.#retransmissionTimers.map(({ far }) => far),
      ...ROUND_LIMITS.map(limitWindow),
    ];
    const outside = this.#all.filter(
      (index) => !windows.some((window) => isWithin(this.#seconds[index]!, window)),
    );
    return this.#countOf(outside) / this.#span();
  }

  #span(): number {
    let span = LEAST_SPAN_SECONDS;
    for (const index of this.#all) span = Math.max(span, this.#seconds[index]!);
    return span;
  }

  #byChance(window: SecondsWindow): number {
    return this.#perSecond * widthOf(window);
  }

  #leftIn(window: SecondsWindow): number[] {
    return this.#all.filter(
      (index) => !this.causes[index] && isWithin(this.#seconds[index]!, window),
    );
  }

  #give(indices: readonly number[], cause: TimeoutCause): void {
    for (const index of indices) this.causes[index] = cause;
  }

  keepalive(): KeepaliveFit[] {
    const fits = keepaliveTimers.map((timer) => this.#fitOf(timer));
    const chosen: KeepaliveFit[] = [];
    for (let least = 1; ; least = LEAST_FOR_ANOTHER_HZ) {
      const best = this.#mostLikely(fits.filter((fit) => !chosen.includes(fit)));
      const given = best ? this.#leftIn(best.timer) : [];
      const count = this.#countOf(given);
      if (!best || count < least || count < TIMES_CHANCE * best.byChance) break;
      this.#give(given, 'tcp-keepalive');
      best.isChosen = true;
      chosen.push(best);
    }
    return [...chosen, ...fits.filter((fit) => !chosen.includes(fit))];
  }

  #fitOf(timer: KeepaliveTimer): KeepaliveFit {
    const { fromSeconds, toSeconds } = timer;
    const inside = this.#leftIn(timer);
    const repeated = inside.filter((index) => isRepeated(this.#seconds[index]!, timer));
    const byChance = this.#byChance(timer);
    return {
      timer,
      fromSeconds,
      toSeconds,
      count: this.#countOf(inside),
      repeated: this.#countOf(repeated),
      byChance,
      isChosen: false,
    };
  }

  /** By the sum over what is left of the logarithms of likelihoods, beside durations that are spread evenly. */
  #mostLikely(fits: readonly KeepaliveFit[]): KeepaliveFit | undefined {
    const scored = fits
      .map((fit) => ({ fit, score: this.#scoreOf(fit) }))
      .toSorted((a, b) => b.score - a.score);
    const [first, second] = scored;
    if (!first || first.score <= 0) return undefined;
    if (this.causes.every((cause) => cause === undefined))
      this.hzIsOpen = second !== undefined && first.score - second.score < CLEARLY_MORE_LIKELY;
    return first.fit;
  }

  #scoreOf({ timer }: KeepaliveFit): number {
    const span = this.#span();
    const within = REPEATED_WITHIN.beforeSeconds + REPEATED_WITHIN.afterSeconds;
    return this.#leftIn(timer).reduce((score, index) => {
      const width = isRepeated(this.#seconds[index]!, timer) ? 2 * within : widthOf(timer);
      return score + this.#counts[index]! * Math.log(span / width);
    }, 0);
  }

  /** At the values of HZ that keepalive told, or at any where it told none. */
  retransmission(keepalive: readonly KeepaliveFit[]): RetransmissionFit[] {
    const known = keepalive.filter(({ isChosen }) => isChosen).map(({ timer }) => timer.hz);
    const hzs: readonly KernelHz[] = this.hzIsOpen || known.length === 0 ? KERNEL_HZ : known;
    const fits = this.#retransmissionTimers.map((timer) => {
      const byChance = this.#byChance(timer.far);
      const count = this.#countOf(this.#leftIn(timer.far));
      const isLikely = count > 0 && count >= TIMES_CHANCE * byChance;
      return { timer, ...timer.far, count, byChance, isChosen: isLikely && hzs.includes(timer.hz) };
    });
    for (const fit of fits)
      if (fit.isChosen) this.#give(this.#leftIn(fit.timer.far), 'tcp-retransmission');
    return fits;
  }

  limits(): LimitFit[] {
    const fits = ROUND_LIMITS.map((limitSeconds) => this.#limitFitOf(limitSeconds));
    const chance = fits
      .filter(({ limitSeconds }) => limitSeconds <= this.#span())
      .reduce((sum, { byChance }) => sum + byChance, 0);
    const least = this.#countOf(this.#all) <= FEW_FAILURES ? 1 : LEAST_FOR_LIMIT;
    const chosen = fits.filter(({ count }) => count >= least && count >= TIMES_CHANCE * chance);
    for (const { limitSeconds } of chosen)
      this.#give(this.#leftIn(limitWindow(limitSeconds)), 'statement-timeout');
    return chosen;
  }

  #limitFitOf(limitSeconds: number): LimitFit {
    const window = limitWindow(limitSeconds);
    const inside = this.#leftIn(window);
    const count = this.#countOf(inside);
    const medianExcessSeconds = count > 0 ? this.#medianOf(inside, count) - limitSeconds : 0;
    const byChance = this.#byChance(window);
    return { limitSeconds, ...window, count, byChance, medianExcessSeconds };
  }

  /** @param indices by ascending duration, of `count` failures, at least one */
  #medianOf(indices: readonly number[], count: number): number {
    let before = 0;
    const middle = indices.find(
      (index) => (before += this.#counts[index]!) > Math.floor(count / 2),
    );
    return this.#seconds[middle!]!;
  }
}

function isRepeated(seconds: number, { repeatedSeconds }: KeepaliveTimer): boolean {
  const { beforeSeconds, afterSeconds } = REPEATED_WITHIN;
  return seconds >= repeatedSeconds - beforeSeconds && seconds <= repeatedSeconds + afterSeconds;
}
