import { setCurrentDetails } from '@temporalio/workflow';
import type { ChunkComparison, InstantRange } from '../domain/migration.ts';
import { isBefore, percentSettled } from '../domain/migration-progress.ts';
import { DEFAULT_TIMING, type MigrationTiming } from '../domain/migration-timing.ts';
import {
  addComparison,
  nextBatch,
  noDifference,
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
  phase: VerifyProgress['phase'] = 'planning';
  range: InstantRange | undefined;
  private cursor = '';
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
    if (checkpoint) this.begin(checkpoint, checkpoint.cursor);
  }

  begin({ from, to }: InstantRange, cursor = from): InstantRange {
    this.range = { from, to };
    this.cursor = cursor;
    this.phase = 'comparing';
    return this.range;
  }

  get hasMore(): boolean {
    return (
      this.open.length > 0 || (this.range !== undefined && isBefore(this.cursor, this.range.to))
    );
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

  takeNext({ to }: InstantRange): InstantRange {
    const batch = this.open.shift() ?? nextBatch(this.cursor, to, this.input.widthMs);
    if (isBefore(this.cursor, batch.to)) this.cursor = batch.to;
    this.inFlight.set(batch.from, batch);
    return batch;
  }

  compared(batch: InstantRange, comparison: ChunkComparison): void {
    this.inFlight.delete(batch.from);
    this.sums = addComparison(this.sums, comparison);
    this.show();
  }

  notCompared(batch: InstantRange, error: unknown): void {
    this.inFlight.delete(batch.from);
    this.open.push(batch);
    this.broken ??= { error };
  }

  report(range: InstantRange): VerifyReport {
    this.phase = 'finished';
    const { differences, ...cells } = this.sums;
    return { ship: this.input.request.ship, ...range, cells, differences };
  }

  progress(): VerifyProgress {
    const open = [...this.inFlight.values(), ...this.open];
    return {
      ship: this.input.request.ship,
      phase: this.patience.waiting.size > 0 ? 'waiting' : this.phase,
      percent: this.range ? percentSettled(this.range, this.cursor, open) : 0,
      waiting: [...this.patience.waiting.values()],
      sums: this.sums,
    };
  }

  nextInput(): VerifyShipInput {
    if (!this.range) return this.input;
    const { cursor, open, sums } = this;
    return { ...this.input, checkpoint: { ...this.range, cursor, open, sums } };
  }

  private show(): void {
    const { phase, percent, sums } = this.progress();
    const { source, matched, missing, different, extra, quarantined } = sums;
    setCurrentDetails(
      `**${phase}**, ${percent.toFixed(1)} %\n\n` +
        `| source | matched | missing | different | extra | quarantined |\n|---|---|---|---|---|---|\n` +
        `| ${[source, matched, missing, different, extra, quarantined].join(' | ')} |\n\n` +
        sums.differences.join('\n\n'),
    );
  }
}
