/**
 * What crosses the boundary between the workflows of a migration and their activities: plain JSON, with
 * instants as ISO 8601 text in UTC, so that the Temporal UI shows something that people can read.
 */

import type { QuarantineReason } from './classify-cell.ts';
import type { ErrorCode } from './errors.ts';
import type { SourceRestraint } from './source-allowance.ts';

/** A half-open range `[from, to)`. */
export interface InstantRange {
  from: string;
  to: string;
}

/** What a user asks for. Without `from` the migration begins at the ship's oldest cell. */
export interface MigrationRequest {
  ship: string;
  from?: string;
  to: string;
  widthMs: number;
  /** Does chunks again that the ledger proves already. */
  redo: boolean;
}

/** What was decided when the migration started, and stays so until it ends; a few numbers, never a list of chunks. */
export interface ShipPlan extends InstantRange {
  ship: string;
  widthMs: number;
  redo: boolean;
  /** The id that the target database bears; a worker whose target bears another one refuses. */
  installation: string;
  /** The target's clock when the plan was made: what was settled later, was settled by this migration. */
  startedAt: string;
  tables: string[];
  /** Chunks of `width` that `[from, to)` has, whether proven already or not. */
  chunks: number;
  /** Sentences for the operator: what was split, left out or found strange. */
  remarks: string[];
  /** Where the source has cells of a channel, others of that channel go: what was damaged becomes equal again. */
  repair?: true;
}

export interface PlanChunksInput {
  plan: ShipPlan;
  /** Where to go on; the plan's `from` at first. */
  cursor: string;
  /** Only these parts of the plan's range, from the cursor on; without them, all of it. */
  ranges?: InstantRange[];
}

export interface FindOpenRangesInput {
  plan: ShipPlan;
  ranges: InstantRange[];
}

/** What is still to be done of some ranges. */
export interface OpenRanges {
  /** Those that are not wholly settled; disjoint, in time order. */
  ranges: InstantRange[];
  /** How many chunks that takes. */
  chunks: number;
}

/** The next chunks to copy, oldest first. */
export interface ChunkBatch {
  chunks: InstantRange[];
  /** Chunks that hold no cell, found by index probes and written to the ledger as `empty`. */
  empty: number;
  /** Chunks that the ledger proves already, jumped over. */
  proven: number;
  /** Where the next batch begins; equal to the plan's `to` at the end. */
  cursor: string;
}

export interface CopyChunkInput extends InstantRange {
  ship: string;
  installation: string;
  startedAt: string;
  redo: boolean;
  /** @see {@link ShipPlan.repair} */
  repair?: true;
}

/** How the cells of one chunk, or of many, add up: `read = written + nulls + quarantined`. */
export interface CellCounts {
  read: number;
  written: number;
  nulls: number;
  quarantined: number;
}

export interface ChunkProof extends InstantRange {
  status: 'done' | 'empty';
  cells: CellCounts;
  /** Values of other writers that were found in the range, and kept. */
  foreign: number;
  instants: number;
  /** 16 hexadecimal digits. */
  checksum: string;
  seconds: number;
  verifySeconds: number;
  /** True when an earlier attempt had committed it, and nothing was copied now. */
  provenBefore: boolean;
  /** Absent where no cell went there. */
  quarantine?: ChunkQuarantine;
}

export interface ChunkQuarantine {
  /** Cells by reason. */
  cells: Partial<Record<QuarantineReason, number>>;
  /** How many channels have over 1 % of their cells of this chunk there. */
  excessiveChannels: number;
}

/** What heartbeats of `copyChunk` say. */
export interface CopyChunkHeartbeat {
  stage: 'claim' | 'slot' | 'read' | 'columns' | 'wait' | 'write' | 'verify' | 'commit';
  cells: number;
  bytes: number;
  /** Seconds since the last byte arrived or left. */
  silentSeconds: number;
  /** While the source is to have fewer chunks in flight than configured. */
  spared?: SourceRestraint;
}

export interface ChunkFailure extends InstantRange {
  ship: string;
  message: string;
  /** @see {@link ShipPlan.startedAt}, {@link ShipPlan.redo}: which proofs count. Absent: every one. */
  startedAt?: string;
  redo?: boolean;
  /** Of the failure; workflows from before it was told give none. */
  code?: ErrorCode;
}

export interface ChunkCounts {
  total: number;
  done: number;
  empty: number;
  split: number;
  failed: number;
}

export type MigrationPhase =
  'planning' | 'copying' | 'paused' | 'waiting' | 'finishing' | 'finished' | 'cancelled';

/** One ship's entry in `migrate --json` and `status --json`: sums over the ledger in `[from, to)`. */
export interface ShipReport extends InstantRange {
  ship: string;
  phase: MigrationPhase;
  chunks: ChunkCounts;
  cells: CellCounts;
  /** Cells that other writers had put there, and that were kept. */
  foreign: number;
  /** From the first chunk's commit in this run to the last one's, with the first chunk's own time. */
  seconds: number;
  cellsPerSecond: number;
  /** No chunk is missing or failed, and each one's checksum was equal. */
  verified: boolean;
  tables: string[];
  quarantine: QuarantineCount[];
  /** Those of the plan, at the end of its migration. */
  remarks?: string[];
  /** What the migration's looks for cells that came late say: how many it copied, and what it could not look for. */
  late?: string[];
}

export interface QuarantineCount {
  reason: string;
  cells: number;
  /** Channels of which over 1 % of all cells are in quarantine, so that the exit code is 4. */
  excessiveChannels: string[];
}

/** One chunk of source and target, both read anew. */
export interface ChunkComparison extends InstantRange {
  source: number;
  matched: number;
  missing: number;
  different: number;
  extra: number;
  quarantined: number;
  /** The first 20. */
  differences: Difference[];
  /** Where chunks differ; more than the domain's bound are joined across the shortest gaps. */
  differing?: InstantRange[];
  /** Where there was nothing on either side: the chunk's begin up to which there is nothing after `to` either. */
  silentUntil?: string;
}

/** A cell that is not the same in source and target. */
export interface Difference {
  at: string;
  /** Empty where it is about a chunk's quarantine. */
  channel: string;
  /** With both values: `differs: source 3, target 4`. */
  what: string;
}

export interface VerifyRequest {
  ship: string;
  from?: string;
  to?: string;
}

export interface VerifyBatchInput extends InstantRange {
  ship: string;
  widthMs: number;
}

/** The `type` of the failure that an activity throws is its code; this is its one detail. */
export interface FailureDetail {
  kind: string;
  hint?: string;
}
