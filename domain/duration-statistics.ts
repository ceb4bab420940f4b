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

/** @param durations seconds, not empty, in any order; left as they are */
export function describeDurations(durations: Float64Array): DurationStatistics {
  const sorted = durations.toSorted();
  const { length } = sorted;
  const sum = sorted.reduce((total, seconds) => total + seconds, 0);
  return {
    minSeconds: sorted[0]!,
    maxSeconds: sorted[length - 1]!,
    meanSeconds: toMicroseconds(sum / length),
    medianSeconds: toMicroseconds((sorted[(length - 1) >> 1]! + sorted[length >> 1]!) / 2),
    over7200: sorted.filter((seconds) => seconds > 7_200).length,
    over7900: sorted.filter((seconds) => seconds > 7_900).length,
    mostFrequent: mostFrequentOf(sorted),
  };
}

/** Runs of equal values, of which only the longest are kept. */
function mostFrequentOf(sorted: Float64Array): { seconds: number; count: number }[] {
  const most: { seconds: number; count: number }[] = [];
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    const seconds = sorted[start]!;
    while (end < sorted.length && sorted[end] === seconds) end++;
    most.push({ seconds, count: end - start });
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
