import type { ChunkComparison, InstantRange } from './migration.ts';
import type { MigrationTiming } from './migration-timing.ts';
import type { Waiting } from './migration-progress.ts';
import { formatInstant, MS_US, parseInstant } from './time.ts';

export const MAX_DIFFERENCES = 20;
const CHUNKS_PER_BATCH = 12;

export interface VerifyShipInput extends InstantRange {
  ship: string;
  widthMs: number;
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

export type ComparisonSums = Omit<ChunkComparison, 'from' | 'to'>;

/** One ship's entry in `verify --json`. */
export interface VerifyReport extends InstantRange {
  ship: string;
  cells: Omit<ComparisonSums, 'differences'>;
  differences: string[];
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

export function addComparison(sum: ComparisonSums, more: ComparisonSums): ComparisonSums {
  return {
    source: sum.source + more.source,
    matched: sum.matched + more.matched,
    missing: sum.missing + more.missing,
    different: sum.different + more.different,
    extra: sum.extra + more.extra,
    quarantined: sum.quarantined + more.quarantined,
    differences: [...sum.differences, ...more.differences].slice(0, MAX_DIFFERENCES),
  };
}

/** The batch that begins at `cursor` and ends on a multiple of twelve widths, or at `to`. */
export function nextBatch(cursor: string, to: string, widthMs: number): InstantRange {
  const stepUs = widthMs * MS_US * CHUNKS_PER_BATCH;
  const end = (Math.floor(parseInstant(cursor) / stepUs) + 1) * stepUs;
  return { from: cursor, to: formatInstant(Math.min(end, parseInstant(to))) };
}
