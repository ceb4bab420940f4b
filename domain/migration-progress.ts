import type { Narrowing } from './chunk-narrowing.ts';
import type { Span } from './chunk-planning.ts';
import type {
  CellCounts,
  ChunkCounts,
  InstantRange,
  MigrationPhase,
  MigrationRequest,
  ShipPlan,
} from './migration.ts';
import type { MigrationTiming } from './migration-timing.ts';
import { formatInstant, formatRange, parseInstant } from './time.ts';

export const MAX_WINDOW = 64;

export interface MigrateShipInput {
  request: MigrationRequest;
  /** Chunks in flight, 1 to {@link MAX_WINDOW}. */
  window: number;
  timing?: Partial<MigrationTiming>;
  /** Where an earlier run of the same migration stopped. */
  checkpoint?: MigrationCheckpoint;
}

/** What a migration takes along into its next run. */
export interface MigrationCheckpoint {
  plan: ShipPlan;
  /** Up to here chunks have been planned, in this sweep. */
  cursor: string;
  /** 0 while `[from, to)` is gone through for the first time; later sweeps look for holes. */
  sweep: number;
  /** True once this sweep found a hole, so that another one follows. */
  holesFound: boolean;
  /** Planned and not settled: empty, unless a chunk was waiting. */
  unsettled: InstantRange[];
  chunks: SettledChunks;
  cells: CellCounts;
  foreign: number;
  paused: boolean;
  /** Absent while no chunk was too big. */
  narrowing?: Narrowing;
}

/** Chunks that the workflow knows to be settled; `proven` ones were so before it came to them. */
export interface SettledChunks {
  total: number;
  copied: number;
  proven: number;
  empty: number;
  split: number;
  failed: number;
}

/** What a workflow waits for, with what to type where a person must act. */
export interface Waiting {
  /** A chunk's range, or a step. */
  subject: string;
  code: string;
  kind: string;
  reason: string;
  hint?: string;
  since: string;
}

/** The answer to the query `progress`. */
export interface MigrationProgress {
  ship: string;
  phase: MigrationPhase;
  waiting: Waiting[];
  from?: string;
  to: string;
  widthMs: number;
  /** With which chunks begin for now, because one was too big. */
  startWidthMs?: number;
  /** `proven` of the done ones were so before this migration. */
  chunks: ChunkCounts & { inFlight: number; proven: number };
  inFlight: InstantRange[];
  cells: CellCounts;
  foreign: number;
  /** Everything before it is settled. */
  migratedThrough?: string;
  percent: number;
  window: number;
  /** Of the last chunks. */
  cellsPerSecond: number;
  tables: string[];
  remarks: string[];
}

/** What `describe` tells of a migration, also while no worker runs. */
export interface MigrationMemo {
  requested: MigrationRequest;
  resolved?: { from: string; to: string; widthMs: number };
}

export const noCells = (): CellCounts => ({ read: 0, written: 0, nulls: 0, quarantined: 0 });

export const noChunks = (total: number): SettledChunks => ({
  total,
  copied: 0,
  proven: 0,
  empty: 0,
  split: 0,
  failed: 0,
});

export function addCells(sum: CellCounts, more: CellCounts): CellCounts {
  return {
    read: sum.read + more.read,
    written: sum.written + more.written,
    nulls: sum.nulls + more.nulls,
    quarantined: sum.quarantined + more.quarantined,
  };
}

/** True when `instant` is before `other`, however many decimals either is written with. */
export const isBefore = (instant: string, other: string): boolean =>
  parseInstant(instant) < parseInstant(other);

export const spanOf = ({ from, to }: InstantRange): Span => ({
  fromUs: parseInstant(from),
  toUs: parseInstant(to),
});

export const rangeOf = ({ fromUs, toUs }: Span): InstantRange => ({
  from: formatInstant(fromUs),
  to: formatInstant(toUs),
});

export const lengthUs = ({ from, to }: InstantRange): number =>
  parseInstant(to) - parseInstant(from);

export const rangeTitle = ({ from, to }: InstantRange): string =>
  formatRange(parseInstant(from), parseInstant(to));

export const oldestFirst = (ranges: Iterable<InstantRange>): InstantRange[] =>
  [...ranges].toSorted((a, b) => parseInstant(a.from) - parseInstant(b.from));

const sumOfLengthsUs = (ranges: readonly InstantRange[]): number =>
  ranges.reduce((sum, range) => sum + Math.max(0, lengthUs(range)), 0);

/**
 * How much of some ranges is settled, when everything before `plannedTo` is, but for `unsettled`.
 *
 * @returns 0 to 100, with two decimals; 100 for empty ranges
 */
export function percentSettled(
  ranges: readonly InstantRange[],
  plannedTo: string,
  unsettled: readonly InstantRange[],
): number {
  const all = sumOfLengthsUs(ranges);
  if (all <= 0) return 100;
  const planned = ranges.map(({ from, to }) => ({
    from,
    to: isBefore(plannedTo, to) ? plannedTo : to,
  }));
  const settled = sumOfLengthsUs(planned) - sumOfLengthsUs(unsettled);
  return Math.floor(Math.min(1, Math.max(0, settled / all)) * 10_000) / 100;
}

/** The instant before which nothing is open. */
export function settledThrough(plannedTo: string, unsettled: InstantRange[]): string {
  const starts = unsettled.map(({ from }) => parseInstant(from));
  return formatInstant(Math.min(parseInstant(plannedTo), ...starts));
}

export interface RateSample {
  atMs: number;
  seconds: number;
  cells: number;
}

/** Cells per second over the samples' whole time, in which several chunks may have been in flight. */
export function cellsPerSecond(samples: RateSample[]): number {
  const begin = Math.min(...samples.map(({ atMs, seconds }) => atMs - seconds * 1_000));
  const end = Math.max(...samples.map(({ atMs }) => atMs));
  const cells = samples.reduce((sum, sample) => sum + sample.cells, 0);
  return samples.length === 0 || end <= begin ? 0 : Math.round((cells * 1_000) / (end - begin));
}
