import type { InstantRange } from './migration.ts';
import type { MigrateShipInput, MigrationCheckpoint } from './migration-progress.ts';

/** Ranges of one ship in one workflow, so that they fit its history; with more, a file has to be split. */
export const MAX_RANGES = 1_000;
/** However wide the configured chunks are. */
export const MAX_REPROCESS_WIDTH_MS = 2 * 3_600_000;

/** `request.from` and `request.to` are those of the first and of the last range. */
export interface ReprocessShipInput extends MigrateShipInput {
  /** Disjoint, in time order; at most {@link MAX_RANGES}. */
  ranges: InstantRange[];
  /** @see {@link ShipPlan.repair} */
  repair?: true;
  checkpoint?: ReprocessCheckpoint;
}

export interface ReprocessCheckpoint extends MigrationCheckpoint {
  /** What this sweep goes through, from its cursor on. */
  sweeping: InstantRange[];
}

/** What `describe` tells of a reprocess, also while no worker runs. */
export interface ReprocessMemo {
  ranges: RangesInShort;
}

/** Enough of a list of ranges to show it, and to know it again. */
export interface RangesInShort extends InstantRange {
  count: number;
  hours: number;
  digest: string;
  redo: boolean;
}
