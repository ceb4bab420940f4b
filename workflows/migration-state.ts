import { ApplicationFailure } from '@temporalio/workflow';
import { beginsAsHalves, narrowed, startWidthUs, widened } from '../domain/chunk-narrowing.ts';
import { halvesOf } from '../domain/chunk-planning.ts';
import type {
  CellCounts,
  ChunkBatch,
  ChunkProof,
  InstantRange,
  MigrationPhase,
  ShipPlan,
} from '../domain/migration.ts';
import {
  addCells,
  cellsPerSecond,
  MAX_WINDOW,
  noCells,
  noChunks,
  oldestFirst,
  percentSettled,
  rangeOf,
  rangeTitle,
  settledThrough,
  spanOf,
  type MigrateShipInput,
  type MigrationCheckpoint,
  type MigrationProgress,
  type RateSample,
  type SettledChunks,
} from '../domain/migration-progress.ts';
import { DEFAULT_TIMING, type MigrationTiming } from '../domain/migration-timing.ts';
import { MS_US } from '../domain/time.ts';
import { Patience } from './patience.ts';

const RATE_SAMPLES = 16;

/** Everything that a migration knows about itself; message handlers delegate to it. */
export class MigrationState {
  readonly input: MigrateShipInput;
  readonly timing: MigrationTiming;
  readonly patience: Patience;
  stage: MigrationPhase;
  plan: ShipPlan | undefined;
  cursor: string;
  sweep: number;
  holesFound: boolean;
  window: number;
  paused: boolean;
  cancelRequested = false;
  /** True once this run starts nothing more. */
  isEnding = false;
  readonly inFlight = new Map<string, InstantRange>();
  private readonly unsettled = new Map<string, InstantRange>();
  protected readonly chunks: SettledChunks;
  private readonly samples: RateSample[] = [];
  private cells: CellCounts;
  private foreign: number;
  private narrowing: number;
  private readonly onChange: () => void;

  /** @param onChange is called after everything that a watcher would want to see */
  constructor(input: MigrateShipInput, onChange: (state: MigrationState) => void) {
    const { checkpoint } = input;
    this.input = input;
    this.timing = { ...DEFAULT_TIMING, ...input.timing };
    this.onChange = () => onChange(this);
    this.patience = new Patience(this.timing, this.onChange);
    this.stage = checkpoint ? 'copying' : 'planning';
    this.plan = checkpoint?.plan;
    this.cursor = checkpoint?.cursor ?? '';
    this.sweep = checkpoint?.sweep ?? 0;
    this.holesFound = checkpoint?.holesFound ?? false;
    this.window = input.window;
    this.paused = checkpoint?.paused ?? false;
    this.chunks = { ...(checkpoint?.chunks ?? noChunks(0)) };
    this.cells = checkpoint?.cells ?? noCells();
    this.foreign = checkpoint?.foreign ?? 0;
    this.narrowing = checkpoint?.narrowing ?? 0;
    for (const range of checkpoint?.unsettled ?? []) this.unsettled.set(range.from, range);
  }

  // What the operator says.

  assertRunning(): void {
    if (this.stage === 'finished' || this.phase === 'cancelled')
      throw refused(`${this.ship}: the migration is ${this.phase} already`);
  }

  assertWindow(chunksInFlight: number): void {
    this.assertRunning();
    if (!Number.isInteger(chunksInFlight) || chunksInFlight < 1 || chunksInFlight > MAX_WINDOW)
      throw refused(`a window of ${chunksInFlight} is not between 1 and ${MAX_WINDOW}`);
  }

  pause(): void {
    this.paused = true;
    this.onChange();
  }

  resume(): void {
    this.paused = false;
    this.patience.tryNow();
    this.onChange();
  }

  setWindow(chunksInFlight: number): void {
    this.window = chunksInFlight;
    this.onChange();
  }

  cancel(): void {
    this.cancelRequested = true;
    this.onChange();
  }

  // What happens to chunks.

  enter(stage: MigrationPhase): void {
    this.stage = stage;
    this.onChange();
  }

  planned(plan: ShipPlan): void {
    this.plan = plan;
    this.cursor = plan.from;
    this.chunks.total = plan.chunks;
    this.enter('copying');
  }

  /** Chunks that an earlier run or batch left open, oldest first. */
  get open(): InstantRange[] {
    return oldestFirst(this.unsettled.values());
  }

  beginSweep(plan: ShipPlan): void {
    this.sweep++;
    this.holesFound = false;
    this.cursor = plan.from;
  }

  batchPlanned(batch: ChunkBatch): void {
    for (const range of batch.chunks) this.unsettled.set(range.from, range);
    this.cursor = batch.cursor;
    this.chunks.empty += batch.empty;
    if (this.sweep === 0) this.chunks.proven += batch.proven;
    this.holesFound ||= batch.chunks.length > 0 || batch.empty > 0;
    this.onChange();
  }

  started(range: InstantRange): void {
    this.inFlight.set(range.from, range);
  }

  /** Out of flight, whether it was settled or not. */
  landed(range: InstantRange): void {
    this.inFlight.delete(range.from);
    this.onChange();
  }

  /** The halves with which a chunk begins, when chunks as wide as it are too big of late. */
  halvesToBeginWith(range: InstantRange): InstantRange[] {
    const span = spanOf(range);
    return beginsAsHalves(span, this.plannedWidthUs, this.narrowing)
      ? halvesOf(span).map(rangeOf)
      : [];
  }

  proven({ from, to, cells, foreign, seconds, status, provenBefore }: ChunkProof): void {
    this.unsettled.delete(from);
    this.chunks[status === 'empty' ? 'empty' : 'copied']++;
    this.cells = addCells(this.cells, cells);
    this.foreign += foreign;
    if (provenBefore) return;
    if (status === 'done')
      this.narrowing = widened(this.narrowing, this.plannedWidthUs, spanOf({ from, to }));
    this.samples.push({ atMs: Date.now(), seconds, cells: cells.read });
    if (this.samples.length > RATE_SAMPLES) this.samples.shift();
  }

  /** A chunk was too big; later ones begin narrower, until enough were copied. */
  wasSplit(range: InstantRange, parts: InstantRange[]): void {
    this.chunks.split++;
    this.narrowing = narrowed(this.narrowing, this.plannedWidthUs, spanOf(range));
    this.becomes(range, parts);
  }

  /** Takes a chunk's parts in its place. */
  becomes(range: InstantRange, parts: InstantRange[]): void {
    this.unsettled.delete(range.from);
    for (const part of parts) this.unsettled.set(part.from, part);
    this.chunks.total += parts.length - 1;
    this.onChange();
  }

  failed(range: InstantRange): void {
    this.unsettled.delete(range.from);
    this.chunks.failed++;
  }

  // What it tells.

  get ship(): string {
    return this.input.request.ship;
  }

  get phase(): MigrationPhase {
    if (this.stage === 'finished' || this.stage === 'cancelled') return this.stage;
    if (this.cancelRequested) return 'cancelled';
    if (this.paused) return 'paused';
    return this.patience.waiting.size > 0 ? 'waiting' : this.stage;
  }

  get title(): string {
    const { from, to } = this.plan ?? this.input.request;
    return `${this.ship}: ${from ? rangeTitle({ from, to }) : `oldest cell → ${to}`}`;
  }

  progress(): MigrationProgress {
    const { request } = this.input;
    return {
      ship: this.ship,
      phase: this.phase,
      waiting: [...this.patience.waiting.values()],
      ...(request.from && { from: request.from }),
      to: request.to,
      widthMs: request.widthMs,
      ...(this.narrowing > 0 && { startWidthMs: this.startWidthMs }),
      chunks: this.chunkCounts(),
      inFlight: oldestFirst(this.inFlight.values()),
      cells: this.cells,
      foreign: this.foreign,
      percent: 0,
      window: this.window,
      cellsPerSecond: cellsPerSecond(this.samples),
      tables: [],
      remarks: [],
      ...(this.plan && this.progressOf(this.plan)),
    };
  }

  private progressOf(plan: ShipPlan): Partial<MigrationProgress> {
    const { from, to, widthMs, tables, remarks } = plan;
    const plannedTo = this.sweep === 0 ? this.cursor : to;
    const done = this.stage === 'finished';
    return {
      from,
      to,
      widthMs,
      tables,
      remarks,
      percent: done ? 100 : percentSettled(this.rangesOf(plan), plannedTo, this.open),
      migratedThrough: settledThrough(plannedTo, this.open),
    };
  }

  /** What is to be settled, in time order. */
  protected rangesOf(plan: ShipPlan): readonly InstantRange[] {
    return [plan];
  }

  private get plannedWidthUs(): number {
    return (this.plan ?? this.input.request).widthMs * MS_US;
  }

  private get startWidthMs(): number {
    return startWidthUs(this.plannedWidthUs, this.narrowing) / MS_US;
  }

  private chunkCounts(): MigrationProgress['chunks'] {
    const { total, copied, proven, empty, split, failed } = this.chunks;
    const done = copied + proven;
    return { total, done, proven, empty, split, failed, inFlight: this.inFlight.size };
  }

  checkpoint(plan: ShipPlan): MigrationCheckpoint {
    return {
      plan,
      cursor: this.cursor,
      sweep: this.sweep,
      holesFound: this.holesFound,
      unsettled: this.open,
      chunks: this.chunks,
      cells: this.cells,
      foreign: this.foreign,
      paused: this.paused,
      ...(this.narrowing > 0 && { narrowing: this.narrowing }),
    };
  }
}

const refused = (message: string): ApplicationFailure =>
  ApplicationFailure.create({ type: 'usage-invalid', message, nonRetryable: true });
