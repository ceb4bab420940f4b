import { setCurrentDetails } from '@temporalio/workflow';
import type { ChunkComparison, InstantRange } from '../domain/migration.ts';
import { isBefore, percentSettled } from '../domain/migration-progress.ts';
import { DEFAULT_TIMING, type MigrationTiming } from '../domain/migration-timing.ts';
import {
  addComparison,
  nextBatch,
  noDifference,
  sentenceOfDifference,
  type ComparisonSums,
  type VerifyProgress,
  type VerifyReport,
  type VerifyShipInput,
} from '../domain/verification.ts';
import { Patience } from './patience.ts';

/** Everything that a verification knows about itself. */
export class VerificationState {
  readonly input: VerifyShipInput;
  readonly timing: MigrationTiming;
  readonly patience: Patience;
  phase: VerifyProgress['phase'] = 'comparing';
  private cursor: string;
  private readonly inFlight = new Map<string, InstantRange>();
  private readonly open: InstantRange[];
  private broken: { error: unknown } | undefined;
  private sums: ComparisonSums;

  constructor(input: VerifyShipInput) {
    const { checkpoint } = input;
    this.input = input;
    this.timing = { ...DEFAULT_TIMING, ...input.timing };
    this.patience = new Patience(this.timing, () => this.show());
    this.sums = checkpoint?.sums ?? noDifference();
    this.open = [...(checkpoint?.open ?? [])];
    this.cursor = checkpoint?.cursor ?? input.from;
  }

  get hasMore(): boolean {
    return this.open.length > 0 || this.upcoming !== undefined;
  }

  /** The range that the cursor is in, or comes to next. */
  private get upcoming(): InstantRange | undefined {
    return this.ranges.find(({ to }) => isBefore(this.cursor, to));
  }

  private get ranges(): readonly InstantRange[] {
    return this.input.ranges ?? [this.input];
  }

  get mayGoOn(): boolean {
    return this.broken !== undefined || this.inFlight.size < this.input.window;
  }

  get isEmptied(): boolean {
    return this.inFlight.size === 0;
  }

  throwIfBroken(): void {
    if (this.broken) throw this.broken.error;
  }

  takeNext(): InstantRange {
    const batch = this.open.shift() ?? this.nextBatch();
    if (isBefore(this.cursor, batch.to)) this.cursor = batch.to;
    this.inFlight.set(batch.from, batch);
    return batch;
  }

  private nextBatch(): InstantRange {
    const { from, to } = this.upcoming ?? this.input;
    return nextBatch(isBefore(this.cursor, from) ? from : this.cursor, to, this.input.widthMs);
  }

  compared(batch: InstantRange, comparison: ChunkComparison): void {
    this.inFlight.delete(batch.from);
    this.sums = addComparison(this.sums, comparison);
    this.jumpTo(comparison.silentUntil ?? batch.to);
    this.show();
  }

  /** Over time in which there is nothing to compare. */
  private jumpTo(instant: string): void {
    const { to } = this.input;
    const next = isBefore(instant, to) ? instant : to;
    if (isBefore(this.cursor, next)) this.cursor = next;
  }

  notCompared(batch: InstantRange, error: unknown): void {
    this.inFlight.delete(batch.from);
    this.open.push(batch);
    this.broken ??= { error };
  }

  report(): VerifyReport {
    this.phase = 'finished';
    const { ship, from, to } = this.input;
    const { differences, differing = [], ...cells } = this.sums;
    return { ship, from, to, cells, differences, differing };
  }

  progress(): VerifyProgress {
    const open = [...this.inFlight.values(), ...this.open];
    return {
      ship: this.input.ship,
      phase: this.patience.waiting.size > 0 ? 'waiting' : this.phase,
      percent: percentSettled(this.ranges, this.cursor, open),
      waiting: [...this.patience.waiting.values()],
      sums: this.sums,
    };
  }

  nextInput(): VerifyShipInput {
    const { cursor, open, sums } = this;
    return { ...this.input, checkpoint: { cursor, open, sums } };
  }

  private show(): void {
    const { phase, percent, sums } = this.progress();
    const { source, matched, missing, different, extra, quarantined } = sums;
    setCurrentDetails(
      `**${phase}**, ${percent.toFixed(1)} %\n\n` +
        `| source | matched | missing | different | extra | quarantined |\n|---|---|---|---|---|---|\n` +
        `| ${[source, matched, missing, different, extra, quarantined].join(' | ')} |\n\n` +
        sums.differences
          .map((difference) => sentenceOfDifference(this.input.ship, difference))
          .join('\n\n'),
    );
  }
}
