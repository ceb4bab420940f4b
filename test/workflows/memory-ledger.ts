import type { CopyChunkRun, MigrationFunctions } from '../../activities/migration-activities.ts';
import {
  chunksOf,
  countChunks,
  halvesOf,
  subtractSpans,
  type Span,
} from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import type {
  ChunkBatch,
  ChunkComparison,
  ChunkFailure,
  ChunkProof,
  CopyChunkInput,
  FindOpenRangesInput,
  InstantRange,
  MigrationRequest,
  OpenRanges,
  PlanChunksInput,
  ShipPlan,
  ShipReport,
  VerifyBatchInput,
} from '../../domain/migration.ts';
import { formatInstant, parseInstant } from '../../domain/time.ts';

export const CELLS_PER_CHUNK = 1_000;
const MINUTE_US = 60_000_000;

interface Row extends Span {
  status: 'done' | 'split' | 'failed';
}

/** The functions below the activities, over a list instead of databases. Tests say what copying a chunk does. */
export class MemoryLedger implements MigrationFunctions {
  readonly rows: Row[] = [];
  /** Each attempt at a chunk, by its `from`. */
  readonly attempts: string[] = [];
  mostInFlight = 0;
  batchSize = 48;
  /** Called within each attempt, before it settles. */
  onCopy: (chunk: CopyChunkInput, run: CopyChunkRun) => Promise<void> = async () => undefined;
  onPlan: () => Promise<void> = async () => undefined;
  private inFlight = 0;

  async planShip(request: MigrationRequest): Promise<ShipPlan> {
    await this.onPlan();
    const { ship, from = '2025-06-15T00:00:00.000Z', to, widthMs, redo } = request;
    const chunks = countChunks(spanOf({ from, to }), widthMs * 1_000);
    const startedAt = new Date().toISOString();
    return {
      ship,
      from,
      to,
      widthMs,
      redo,
      chunks,
      startedAt,
      installation: 'test',
      tables: ['wide_1'],
      remarks: [],
    };
  }

  async prepareTarget(): Promise<void> {}

  async planChunks({ plan, cursor, ranges }: PlanChunksInput): Promise<ChunkBatch> {
    const settled = this.rows.filter(({ status }) => status !== 'split');
    const wanted = (ranges ?? [plan]).map(spanOf);
    const cursorUs = parseInstant(cursor);
    const gaps = wanted
      .filter(({ toUs }) => toUs > cursorUs)
      .map(({ fromUs, toUs }) => ({ fromUs: Math.max(fromUs, cursorUs), toUs }))
      .flatMap((span) => subtractSpans(span, settled));
    const open = gaps.flatMap((gap) => [...chunksOf(gap, plan.widthMs * 1_000)]);
    const chunks = open.slice(0, this.batchSize).map(rangeOf);
    const end = (ranges ?? [plan]).at(-1)!.to;
    const isEnd = open.length <= this.batchSize;
    return { chunks, empty: 0, proven: 0, cursor: isEnd ? end : chunks.at(-1)!.to };
  }

  async findOpenRanges({ plan, ranges }: FindOpenRangesInput): Promise<OpenRanges> {
    const open = ranges.filter((range) => this.holes(range).length > 0);
    const spans = open.flatMap((range) => this.holes(range)).map(spanOf);
    const chunks = spans.flatMap((span) => [...chunksOf(span, plan.widthMs * 1_000)]).length;
    return { ranges: open, chunks };
  }

  async copyChunk(input: CopyChunkInput, run: CopyChunkRun): Promise<ChunkProof> {
    this.attempts.push(input.from);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      await this.onCopy(input, run);
    } finally {
      this.inFlight--;
    }
    this.rows.push({ ...spanOf(input), status: 'done' });
    return proofOf(input);
  }

  async splitChunk(failure: ChunkFailure): Promise<InstantRange[] | ChunkProof> {
    const span = spanOf(failure);
    if (this.isDone(span)) return proofOf(failure);
    if (span.toUs - span.fromUs < 2 * MINUTE_US)
      throw new FairleadError('data-refused', `${failure.ship}: cannot be split`);
    this.rows.push({ ...span, status: 'split' });
    return halvesOf(span).map(rangeOf);
  }

  async recordFailure(failure: ChunkFailure): Promise<ChunkProof | undefined> {
    const span = spanOf(failure);
    if (this.isDone(span)) return proofOf(failure);
    this.rows.push({ ...span, status: 'failed' });
    return undefined;
  }

  private isDone({ fromUs, toUs }: Span): boolean {
    return this.rows.some(
      (row) => row.status === 'done' && row.fromUs === fromUs && row.toUs === toUs,
    );
  }

  async summarizeShip({ ship, from, to }: ShipPlan): Promise<ShipReport> {
    const count = (status: Row['status']): number =>
      this.rows.filter((row) => row.status === status).length;
    const [done, failed] = [count('done'), count('failed')];
    const read = done * CELLS_PER_CHUNK;
    return {
      ship,
      from,
      to,
      phase: 'finished',
      chunks: { total: done + failed, done, empty: 0, split: count('split'), failed },
      cells: { read, written: read, nulls: 0, quarantined: 0 },
      foreign: 0,
      seconds: 1,
      cellsPerSecond: read,
      verified: failed === 0,
      tables: ['wide_1'],
      quarantine: [],
    };
  }

  async verifyBatch({ from, to }: VerifyBatchInput): Promise<ChunkComparison> {
    const sums = { source: 10, matched: 9, missing: 1, different: 0, extra: 0, quarantined: 0 };
    const differences = [{ at: from, channel: '/a', what: 'not in the target: source 1' }];
    return { from, to, ...sums, differences, differing: [{ from, to }] };
  }

  /** What the ledger does not settle of a range. */
  holes(range: InstantRange): InstantRange[] {
    return subtractSpans(
      spanOf(range),
      this.rows.filter(({ status }) => status !== 'split'),
    ).map(rangeOf);
  }

  forget(from: string): void {
    const index = this.rows.findIndex(({ fromUs }) => fromUs === parseInstant(from));
    this.rows.splice(index, 1);
  }
}

const spanOf = ({ from, to }: InstantRange): Span => ({
  fromUs: parseInstant(from),
  toUs: parseInstant(to),
});

const rangeOf = ({ fromUs, toUs }: Span): InstantRange => ({
  from: formatInstant(fromUs),
  to: formatInstant(toUs),
});

function proofOf({ from, to }: InstantRange): ChunkProof {
  const cells = { read: CELLS_PER_CHUNK, written: CELLS_PER_CHUNK, nulls: 0, quarantined: 0 };
  const zero = { foreign: 0, instants: 1, seconds: 0.1, verifySeconds: 0 };
  return {
    from,
    to,
    status: 'done',
    cells,
    ...zero,
    checksum: '0'.repeat(16),
    provenBefore: false,
  };
}
