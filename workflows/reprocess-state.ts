import type {
  ChunkBatch,
  InstantRange,
  OpenRanges,
  ShipPlan,
  ShipReport,
} from '../domain/migration.ts';
import { isBefore } from '../domain/migration-progress.ts';
import type { ReprocessCheckpoint, ReprocessShipInput } from '../domain/reprocess.ts';
import { MigrationState } from './migration-state.ts';

/** Ranges that one activity is told, so that its payload stays small. */
const RANGES_PER_BATCH = 48;

/** Everything that a reprocess knows about itself: a migration that goes through some ranges only. */
export class ReprocessState extends MigrationState {
  declare readonly input: ReprocessShipInput;
  private sweeping: InstantRange[];

  constructor(input: ReprocessShipInput, onChange: (state: MigrationState) => void) {
    super(input, onChange);
    this.sweeping = input.checkpoint?.sweeping ?? [];
  }

  /** Begins to go through what is open. */
  sweepOver({ ranges, chunks }: OpenRanges): void {
    if (this.chunks.total > 0) this.sweep++;
    this.chunks.total += chunks;
    this.sweeping = ranges;
    this.cursor = ranges[0]?.from ?? this.cursor;
  }

  /** The next ranges of this sweep, from the cursor on. */
  get upcoming(): InstantRange[] {
    return this.sweeping.filter(({ to }) => isBefore(this.cursor, to)).slice(0, RANGES_PER_BATCH);
  }

  /** What was proven before is no part of the total. */
  override batchPlanned(batch: ChunkBatch): void {
    super.batchPlanned({ ...batch, proven: 0 });
  }

  override rangesOf(): readonly InstantRange[] {
    return this.sweeping.length > 0 ? this.sweeping : this.input.ranges;
  }

  /** What of a report is not the ledger's to say. */
  ownFigures(plan: ShipPlan): Partial<ShipReport> {
    const { chunks, cells, foreign } = this.progress();
    const { total, done, empty, split, failed } = chunks;
    const seconds = Math.max(0, Date.now() - Date.parse(plan.startedAt)) / 1_000;
    return {
      from: plan.from,
      to: plan.to,
      chunks: { total, done, empty, split, failed },
      cells,
      foreign,
      seconds,
      cellsPerSecond: seconds > 0 ? Math.round(cells.read / seconds) : 0,
      verified: failed === 0,
    };
  }

  override checkpoint(plan: ShipPlan): ReprocessCheckpoint {
    return { ...super.checkpoint(plan), sweeping: this.sweeping };
  }
}
