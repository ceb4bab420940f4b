import { nextChunks, type Span } from '../../domain/chunk-planning.ts';
import type { ChunkBatch, PlanChunksInput } from '../../domain/migration.ts';
import { MS_US, formatInstant, parseInstant, type EpochUs } from '../../domain/time.ts';
import { findSpansWithCells, firstInstant, listChannels } from './channel-probes.ts';
import { withConnection } from './connection.ts';
import { listChunks, recordEmpty, type ChunkKey, type LedgerRow } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';

export const CHUNKS_PER_BATCH = 48;
/** How far the ledger is read at once. */
const CHUNKS_PER_LOOK = 2_000;
const CHUNKS_PER_INSERT = 5_000;

/**
 * Lays out the next chunks to copy, from the cursor on: what the ledger settles is taken out as ranges, whatever
 * width it had, and time without a cell is jumped over by index probes and written to the ledger as empty.
 *
 * @returns no chunks only where the cursor has reached the plan's end
 */
export async function planChunks(
  databases: MigrationDatabases,
  { plan, cursor }: PlanChunksInput,
): Promise<ChunkBatch> {
  const toUs = parseInstant(plan.to);
  const widthUs = plan.widthMs * MS_US;
  const batch = { chunks: [] as Span[], empty: 0, proven: 0, cursorUs: parseInstant(cursor) };
  while (batch.cursorUs < toUs && batch.chunks.length === 0) {
    const look = {
      fromUs: batch.cursorUs,
      toUs: Math.min(toUs, batch.cursorUs + CHUNKS_PER_LOOK * widthUs),
    };
    const rows = await readLedger(databases, { ...look, ship: plan.ship }, plan);
    const candidates = openChunks(look, widthUs, rows, CHUNKS_PER_BATCH);
    const endUs = candidates.length < CHUNKS_PER_BATCH ? look.toUs : candidates.at(-1)!.toUs;
    batch.proven += rows.filter(
      (row) => row.settled && row.fromUs >= look.fromUs && row.fromUs < endUs,
    ).length;
    const { full, empty } = await partByCells(databases, plan.ship, candidates, rows);
    batch.chunks = full;
    batch.cursorUs = endUs;
    await recordEmptyChunks(databases, plan.ship, empty);
    batch.empty += empty.length;
    if (full.length === 0 && empty.length > 0) {
      const jump = await jumpToNextCell(databases, plan, endUs, toUs);
      batch.cursorUs = jump.cursorUs;
      batch.empty += jump.empty;
    }
  }
  return {
    chunks: batch.chunks.map(({ fromUs, toUs: end }) => ({
      from: formatInstant(fromUs),
      to: formatInstant(end),
    })),
    empty: batch.empty,
    proven: batch.proven,
    cursor: formatInstant(batch.cursorUs),
  };
}

function openChunks(
  span: Span,
  widthUs: number,
  rows: readonly LedgerRow[],
  limit: number,
): Span[] {
  const splits = new Set(rows.filter(({ status }) => status === 'split').map(rangeKey));
  const settled = rows.filter((row) => row.settled);
  return nextChunks(span, widthUs, settled, (chunk) => splits.has(rangeKey(chunk)), limit);
}

const rangeKey = ({ fromUs, toUs }: Span): string => `${fromUs} ${toUs}`;

/** A chunk that was done once is copied even when the source holds nothing of it any more: its rows have to go. */
async function partByCells(
  { source, sourceTable, signal }: MigrationDatabases,
  ship: string,
  chunks: readonly Span[],
  rows: readonly LedgerRow[],
): Promise<{ full: Span[]; empty: Span[] }> {
  if (chunks.length === 0) return { full: [], empty: [] };
  const haveCells = await withConnection(
    source,
    { name: `fairlead/probe/${ship}`, purpose: 'probe', signal },
    async (client) => {
      const channels = await listChannels(client, sourceTable, ship);
      return findSpansWithCells(client, sourceTable, ship, channels, chunks);
    },
  );
  const done = rows.filter(wasWritten);
  const isFull = (chunk: Span, index: number) =>
    haveCells[index]! || done.some((row) => overlaps(row, chunk));
  return {
    full: chunks.filter(isFull),
    empty: chunks.filter((chunk, index) => !isFull(chunk, index)),
  };
}

/** A superseded chunk's rows are still there, though another chunk proves a part of them now. */
const wasWritten = ({ status }: LedgerRow): boolean => status === 'done' || status === 'superseded';

const overlaps = (a: Span, b: Span): boolean => a.fromUs < b.toUs && b.fromUs < a.toUs;

/** Over a silent time of any length at the cost of one descent per channel. */
async function jumpToNextCell(
  databases: MigrationDatabases,
  plan: PlanChunksInput['plan'],
  fromUs: EpochUs,
  toUs: EpochUs,
): Promise<{ cursorUs: EpochUs; empty: number }> {
  const { source, sourceTable, signal } = databases;
  const widthUs = plan.widthMs * MS_US;
  const nextUs = await withConnection(
    source,
    { name: `fairlead/probe/${plan.ship}`, purpose: 'probe', signal },
    async (client) =>
      firstInstant(
        client,
        sourceTable,
        plan.ship,
        await listChannels(client, sourceTable, plan.ship),
        fromUs,
      ),
  );
  const alignedUs = nextUs === undefined ? toUs : Math.floor(nextUs / widthUs) * widthUs;
  const cursorUs = Math.min(Math.max(alignedUs, fromUs), toUs);
  const silent = { fromUs, toUs: cursorUs };
  const rows = await readLedger(databases, { ...silent, ship: plan.ship }, plan);
  const firstDoneUs = rows.find((row) => wasWritten(row) && !row.settled)?.fromUs ?? cursorUs;
  const reachUs = Math.min(Math.max(firstDoneUs, fromUs), cursorUs);
  const empty = openChunks({ fromUs, toUs: reachUs }, widthUs, rows, Number.POSITIVE_INFINITY);
  await recordEmptyChunks(databases, plan.ship, empty);
  return { cursorUs: reachUs, empty: empty.length };
}

const readLedger = (
  { target, signal }: MigrationDatabases,
  key: ChunkKey,
  plan: PlanChunksInput['plan'],
): Promise<LedgerRow[]> =>
  withConnection(target, { name: `fairlead/plan/${key.ship}`, signal }, (client) =>
    listChunks(client, key, plan),
  );

async function recordEmptyChunks(
  { target, signal }: MigrationDatabases,
  ship: string,
  chunks: readonly Span[],
): Promise<void> {
  for (let from = 0; from < chunks.length; from += CHUNKS_PER_INSERT) {
    await withConnection(target, { name: `fairlead/empty/${ship}`, signal }, (client) =>
      recordEmpty(client, ship, chunks.slice(from, from + CHUNKS_PER_INSERT)),
    );
  }
}
