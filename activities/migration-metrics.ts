import type { MetricMeter } from '@temporalio/common';
import { QUARANTINE_REASONS } from '../domain/classify-cell.ts';
import { kindOfCode, type ErrorCode, type FailureKind } from '../domain/errors.ts';
import type { CellCounts, ChunkProof, CopyChunkHeartbeat } from '../domain/migration.ts';

export type ChunkStage = CopyChunkHeartbeat['stage'];

/** Where a worker tells what becomes of chunks and cells; it counts its own work only, the ledger counts everybody's. */
export interface MigrationMetrics {
  /** Shows the ship's counters, at 0 at first, so that the rate of its first chunk is seen. */
  know(ship: string): void;
  stageEnded(stage: ChunkStage, seconds: number): void;
  committed(ship: string, proof: ChunkProof): void;
  /** Chunks that hold no cell, as the plan has found. */
  foundEmpty(ship: string, chunks: number): void;
  /** An attempt ended in a failure after which the same chunk is tried again. */
  retried(failure: { kind: FailureKind; code: ErrorCode }): void;
  split(ship: string, code: ErrorCode): void;
  failed(ship: string): void;
  /** The round trip of a statement that does nothing. */
  sourceAnswered(seconds: number): void;
}

/** For the runtime's `histogramBucketOverrides`: the SDK's own begin at 50. */
export const migrationHistogramBuckets: Record<string, number[]> = {
  fairlead_chunk_stage_seconds: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1_200],
  fairlead_source_latency_seconds: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
};

/**
 * The metrics of the worker's Prometheus endpoint.
 *
 * @param meter that of the SDK's runtime, so that there is one endpoint
 * @see docs/operate.md#metrics
 */
export function createMigrationMetrics(meter: MetricMeter): MigrationMetrics {
  const counts = chunkCounters(meter);
  return { ...counts, ...retryCounters(meter), ...durations(meter) };
}

const outcomesOf = ({ written, nulls, quarantined }: CellCounts): [string, number][] => [
  ['written', written],
  ['null', nulls],
  ['quarantined', quarantined],
];

const STATES = ['done', 'empty', 'split', 'failed'] as const;
const SPLIT_CODES = Object.keys(kindOfCode).filter(
  (code) => kindOfCode[code as ErrorCode] === 'too-big',
);

function chunkCounters(meter: MetricMeter) {
  const chunks = meter.createCounter(
    'fairlead_chunks_total',
    undefined,
    'chunks that this worker brought to a state',
  );
  const cells = meter.createCounter(
    'fairlead_cells_total',
    undefined,
    'cells of committed chunks, by what became of them',
  );
  const quarantined = meter.createCounter(
    'fairlead_quarantined_cells_total',
    undefined,
    'cells that went to quarantine, by reason',
  );
  const excessive = meter.createCounter(
    'fairlead_excessive_quarantine_chunks_total',
    undefined,
    'committed chunks in which a channel has over 1 % of its cells in quarantine',
  );
  const splits = meter.createCounter(
    'fairlead_chunk_splits_total',
    undefined,
    'chunks that were split, by why they were too big',
  );
  for (const code of SPLIT_CODES) splits.add(0, { code });
  const known = new Set<string>();
  return {
    know(ship: string) {
      if (known.has(ship)) return;
      known.add(ship);
      for (const state of STATES) chunks.add(0, { ship, state });
      for (const outcome of ['written', 'null', 'quarantined']) cells.add(0, { ship, outcome });
      for (const reason of QUARANTINE_REASONS) quarantined.add(0, { ship, reason });
      excessive.add(0, { ship });
    },
    committed(ship: string, { status, cells: counts, quarantine }: ChunkProof) {
      chunks.add(1, { ship, state: status });
      for (const [outcome, count] of outcomesOf(counts)) cells.add(count, { ship, outcome });
      for (const [reason, count] of Object.entries(quarantine?.cells ?? {}))
        quarantined.add(count, { ship, reason });
      excessive.add(quarantine?.excessiveChannels ? 1 : 0, { ship });
    },
    foundEmpty: (ship: string, count: number) => chunks.add(count, { ship, state: 'empty' }),
    failed: (ship: string) => chunks.add(1, { ship, state: 'failed' }),
    split(ship: string, code: ErrorCode) {
      chunks.add(1, { ship, state: 'split' });
      splits.add(1, { code });
    },
  };
}

const RETRIED_KINDS: readonly FailureKind[] = ['transient', 'outcome-unknown', 'operator'];
/** What has nothing to do with a chunk. */
const ELSEWHERE = /^(sensor|rest|recording|stack|port|temporal|search)-/;

function retryCounters(meter: MetricMeter): Pick<MigrationMetrics, 'retried'> {
  const retries = meter.createCounter(
    'fairlead_chunk_retries_total',
    undefined,
    'attempts at chunks that ended in a failure and are made again',
  );
  for (const [code, kind] of Object.entries(kindOfCode))
    if (RETRIED_KINDS.includes(kind) && !ELSEWHERE.test(code)) retries.add(0, { kind, code });
  return {
    retried({ kind, code }) {
      if (RETRIED_KINDS.includes(kind)) retries.add(1, { kind, code });
    },
  };
}

function durations(meter: MetricMeter): Pick<MigrationMetrics, 'stageEnded' | 'sourceAnswered'> {
  const stages = meter.createHistogram(
    'fairlead_chunk_stage_seconds',
    'float',
    's',
    'how long the stages of an attempt at a chunk took',
  );
  const latency = meter.createHistogram(
    'fairlead_source_latency_seconds',
    'float',
    's',
    'round trip of a statement to the source that does nothing',
  );
  return {
    stageEnded: (stage, seconds) => stages.record(seconds, { stage }),
    sourceAnswered: (seconds) => latency.record(seconds),
  };
}
