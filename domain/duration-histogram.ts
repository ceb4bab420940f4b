import type { CountedDurations } from './duration-tally.ts';
import { TIMEOUT_CAUSES, type TimeoutCause } from './timeout-verdicts.ts';

/** How many failures of each cause lasted `[fromSeconds, toSeconds)`. */
export interface HistogramBin {
  fromSeconds: number;
  toSeconds: number;
  count: number;
  byCause: Record<TimeoutCause, number>;
}

export interface Histogram {
  binSeconds: number;
  bins: HistogramBin[];
}

/** The whole range, and where most failures lie in a small part of it, that part again, larger. */
export interface DurationPicture {
  overview: Histogram;
  closeUp: Histogram | undefined;
}

const MOST_OVERVIEW_BINS = 20;
const MOST_CLOSE_UP_BINS = 30;
/** What a part must hold of all failures to be shown again. */
const CLOSE_UP_SHARE = 0.75;
const CLOSE_UP_MOST_OVERVIEW_BINS = 4;

/** @param durations not empty; `causes` has as many entries */
export function pictureDurations(
  durations: CountedDurations,
  causes: readonly TimeoutCause[],
): DurationPicture {
  const { seconds, counts } = durations;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const overview = fillHistogram(durations, causes, MOST_OVERVIEW_BINS);
  const part = densestPart(overview.bins, total);
  const isPart = part && part.length < overview.bins.length;
  const [from, to] = [part?.[0]?.fromSeconds, part?.at(-1)?.toSeconds];
  if (!isPart || from === undefined || to === undefined) return { overview, closeUp: undefined };
  const start = seconds.findIndex((value) => value >= from);
  const end = seconds.findLastIndex((value) => value < to) + 1;
  const inside = { seconds: seconds.subarray(start, end), counts: counts.subarray(start, end) };
  return { overview, closeUp: fillHistogram(inside, causes.slice(start, end), MOST_CLOSE_UP_BINS) };
}

/** The fewest bins beside each other that hold most of all, if they are few. */
function densestPart(bins: readonly HistogramBin[], total: number): HistogramBin[] | undefined {
  for (let width = 1; width <= CLOSE_UP_MOST_OVERVIEW_BINS; width++) {
    for (let start = 0; start + width <= bins.length; start++) {
      const part = bins.slice(start, start + width);
      const count = part.reduce((sum, bin) => sum + bin.count, 0);
      if (count >= CLOSE_UP_SHARE * total) return part;
    }
  }
  return undefined;
}

function fillHistogram(
  { seconds, counts }: Pick<CountedDurations, 'seconds' | 'counts'>,
  causes: readonly TimeoutCause[],
  mostBins: number,
): Histogram {
  const [least, most] = [seconds[0]!, seconds.at(-1)!];
  const binSeconds = niceWidth(least, most, mostBins);
  const first = Math.floor(least / binSeconds);
  const length = Math.floor(most / binSeconds) - first + 1;
  const bins = Array.from({ length }, (_, index) => emptyBin(first + index, binSeconds));
  seconds.forEach((value, index) => {
    const bin = bins[Math.min(length - 1, Math.floor(value / binSeconds) - first)]!;
    bin.count += counts[index]!;
    bin.byCause[causes[index]!] += counts[index]!;
  });
  return { binSeconds, bins };
}

const emptyBin = (index: number, width: number): HistogramBin => ({
  fromSeconds: roundOff(index * width),
  toSeconds: roundOff((index + 1) * width),
  count: 0,
  byCause: Object.fromEntries(TIMEOUT_CAUSES.map((cause) => [cause, 0])) as Record<
    TimeoutCause,
    number
  >,
});

/** The smallest of 0.1, 0.2, 0.5, 1, 2, 5 … that needs no more bins than allowed. */
function niceWidth(least: number, most: number, mostBins: number): number {
  for (let power = -1; ; power++) {
    for (const digit of [1, 2, 5]) {
      const width = digit * 10 ** power;
      if (Math.floor(most / width) - Math.floor(least / width) < mostBins) return width;
    }
  }
}

const roundOff = (seconds: number): number => Math.round(seconds * 1_000) / 1_000;
