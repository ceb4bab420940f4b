import type { CountedDurations, DurationTally } from './duration-tally.ts';

/** What a set of durations has in common, rounded to microseconds. */
export interface DurationStatistics {
  minSeconds: number;
  maxSeconds: number;
  meanSeconds: number;
  medianSeconds: number;
  /** How many lasted longer than this. */
  over7200: number;
  over7900: number;
  /** Durations as they were logged, most frequent first, and longest first among equals. */
  mostFrequent: { seconds: number; count: number }[];
}

const MOST_FREQUENT = 10;

/** @param tally not empty; `durations` are what it counted */
export function describeDurations(
  tally: DurationTally,
  durations: CountedDurations,
): DurationStatistics {
  const { count, minSeconds, maxSeconds, sumSeconds, over7200, over7900 } = tally;
  const middle = [Math.floor((count - 1) / 2), Math.floor(count / 2)].map((rank) =>
    durationAt(durations, rank),
  );
  return {
    minSeconds,
    maxSeconds,
    meanSeconds: toMicroseconds(sumSeconds / count),
    medianSeconds: toMicroseconds((middle[0]! + middle[1]!) / 2),
    over7200,
    over7900,
    mostFrequent: mostFrequentOf(durations),
  };
}

/** The duration that stands at `rank`, from 0, when each stands there as often as it occurs. */
function durationAt({ seconds, counts }: CountedDurations, rank: number): number {
  let index = 0;
  for (let left = rank - counts[0]!; left >= 0; left -= counts[index]!) index++;
  return seconds[index]!;
}

/** Equal values are beside each other; only the most frequent ones are kept. */
function mostFrequentOf({
  seconds,
  counts,
}: CountedDurations): { seconds: number; count: number }[] {
  const most: { seconds: number; count: number }[] = [];
  for (let start = 0, end = 0; start < seconds.length; start = end) {
    const run = { seconds: seconds[start]!, count: 0 };
    for (; end < seconds.length && seconds[end] === run.seconds; end++) run.count += counts[end]!;
    most.push(run);
    if (most.length > 10 * MOST_FREQUENT) keepMost(most);
  }
  return keepMost(most);
}

function keepMost(runs: { seconds: number; count: number }[]): typeof runs {
  runs.sort((a, b) => b.count - a.count || b.seconds - a.seconds);
  runs.length = Math.min(runs.length, MOST_FREQUENT);
  return runs;
}

const toMicroseconds = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;
