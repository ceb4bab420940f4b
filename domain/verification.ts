import { mergeSpans, type Span } from './chunk-planning.ts';
import type { ChunkComparison, Difference, InstantRange } from './migration.ts';
import type { MigrationTiming } from './migration-timing.ts';
import { rangeOf, spanOf, type Waiting } from './migration-progress.ts';
import { formatInstant, MS_US, parseInstant } from './time.ts';

export const MAX_DIFFERENCES = 20;
/** What a verification remembers of chunks that differ, and what a repair takes at once. */
export const MAX_DIFFERING = 500;
const CHUNKS_PER_BATCH = 12;

export interface VerifyShipInput extends InstantRange {
  ship: string;
  widthMs: number;
  /** Only these parts of the range; disjoint, in time order. */
  ranges?: InstantRange[];
  /** Batches in flight. */
  window: number;
  timing?: Partial<MigrationTiming>;
  checkpoint?: VerifyCheckpoint;
}

export interface VerifyCheckpoint {
  cursor: string;
  /** Batches before the cursor that are not compared: empty, unless one was waiting. */
  open: InstantRange[];
  sums: ComparisonSums;
}

export type ComparisonSums = Omit<ChunkComparison, 'from' | 'to' | 'silentUntil'>;

/** One ship's entry in `verify --json`. */
export interface VerifyReport extends InstantRange {
  ship: string;
  cells: Omit<ComparisonSums, 'differences' | 'differing'>;
  differences: Difference[];
  differing: InstantRange[];
}

export interface VerifyProgress {
  ship: string;
  phase: 'comparing' | 'waiting' | 'finished' | 'cancelled';
  percent: number;
  waiting: Waiting[];
  sums: ComparisonSums;
}

export const noDifference = (): ComparisonSums => ({
  source: 0,
  matched: 0,
  missing: 0,
  different: 0,
  extra: 0,
  quarantined: 0,
  differences: [],
});

/** Neither a cell in the source nor one in the target. */
export const isSilent = ({ source, extra }: ComparisonSums): boolean => source + extra === 0;

export function addComparison(sum: ComparisonSums, more: ComparisonSums): ComparisonSums {
  const differing = [...(sum.differing ?? []), ...(more.differing ?? [])];
  return {
    source: sum.source + more.source,
    matched: sum.matched + more.matched,
    missing: sum.missing + more.missing,
    different: sum.different + more.different,
    extra: sum.extra + more.extra,
    quarantined: sum.quarantined + more.quarantined,
    differences: firstOf([...sum.differences, ...more.differences]),
    ...(differing.length > 0 && { differing: joinRanges(differing, MAX_DIFFERING) }),
  };
}

/**
 * Batches end in any order: the first ones are those of the earliest instants. What was compared before differences
 * had instants, by a run that goes on in this release, is counted and not named.
 */
const firstOf = (differences: readonly Difference[]): Difference[] =>
  differences
    .filter(({ at }) => typeof at === 'string')
    .map((difference) => ({ difference, us: parseInstant(difference.at) }))
    .toSorted((a, b) => a.us - b.us)
    .slice(0, MAX_DIFFERENCES)
    .map(({ difference }) => difference);

/** As few ranges as there are, in time order; where they are more than `most`, the shortest gaps are filled. */
export function joinRanges(ranges: readonly InstantRange[], most: number): InstantRange[] {
  const spans = mergeSpans(ranges.map(spanOf));
  const gaps = spans
    .slice(1)
    .map(({ fromUs }, index): Span => ({ fromUs: spans[index]!.toUs, toUs: fromUs }))
    .toSorted((a, b) => lengthOf(a) - lengthOf(b))
    .slice(0, Math.max(0, spans.length - most));
  return mergeSpans([...spans, ...gaps]).map(rangeOf);
}

const lengthOf = ({ fromUs, toUs }: Span): number => toUs - fromUs;

export const sentenceOfDifference = (ship: string, { channel, at, what }: Difference): string =>
  `${[ship, channel, at].filter((part) => part !== '').join(' ')}: ${what}`;

/** The batch that begins at `cursor` and ends on a multiple of twelve widths, or at `to`. */
export function nextBatch(cursor: string, to: string, widthMs: number): InstantRange {
  const stepUs = widthMs * MS_US * CHUNKS_PER_BATCH;
  const end = (Math.floor(parseInstant(cursor) / stepUs) + 1) * stepUs;
  return { from: cursor, to: formatInstant(Math.min(end, parseInstant(to))) };
}
