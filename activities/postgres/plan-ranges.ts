import type { ClientBase } from 'pg';
import { countChunks, mergeSpans, subtractSpans, type Span } from '../../domain/chunk-planning.ts';
import type {
  ChunkBatch,
  FindOpenRangesInput,
  InstantRange,
  OpenRanges,
  PlanChunksInput,
  ShipPlan,
} from '../../domain/migration.ts';
import { rangeOf, spanOf } from '../../domain/migration-progress.ts';
import { formatInstant, MS_US, parseInstant } from '../../domain/time.ts';
import { withConnection } from './connection.ts';
import { listChunks } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { CHUNKS_PER_BATCH, planChunks } from './plan-chunks.ts';

/**
 * The ranges that the ledger does not settle yet. A range reaches as far as the proofs that it costs: where a chunk
 * that was proven before would be proven in part only, all of it is done again.
 */
export async function findOpenRanges(
  { target, signal }: MigrationDatabases,
  { plan, ranges }: FindOpenRangesInput,
): Promise<OpenRanges> {
  return withConnection(target, { name: `fairlead/plan/${plan.ship}`, signal }, async (client) => {
    const reached: Span[] = [];
    for (const range of ranges) reached.push(await reachOf(client, plan, spanOf(range)));
    const found: OpenRanges = { ranges: [], chunks: 0 };
    for (const span of mergeSpans(reached)) {
      const rows = await listChunks(client, { ...span, ship: plan.ship }, plan);
      const settled = rows.filter((row) => row.settled);
      const open = subtractSpans(span, settled);
      if (open.length === 0) continue;
      found.ranges.push(rangeOf(span));
      for (const part of open) found.chunks += countChunks(part, plan.widthMs * MS_US);
    }
    return found;
  });
}

async function reachOf(client: ClientBase, plan: ShipPlan, span: Span): Promise<Span> {
  const rows = await listChunks(client, { ...span, ship: plan.ship }, plan);
  const lost = rows.filter((row) => row.lost);
  const fromUs = Math.min(span.fromUs, ...lost.map((row) => row.fromUs));
  const toUs = Math.max(span.toUs, ...lost.map((row) => row.toUs));
  const isWider = fromUs < span.fromUs || toUs > span.toUs;
  return isWider ? reachOf(client, plan, { fromUs, toUs }) : span;
}

/**
 * Lays out the next chunks of some ranges, as {@link planChunks} does of one: from the cursor on, and a full batch
 * of them where the ranges have so many.
 *
 * @param ranges disjoint, in time order
 */
export async function planChunksOfRanges(
  databases: MigrationDatabases,
  { plan, cursor }: PlanChunksInput,
  ranges: readonly InstantRange[],
): Promise<ChunkBatch> {
  const batch: ChunkBatch = { chunks: [], empty: 0, proven: 0, cursor };
  for (const { from, to } of ranges) {
    const toUs = parseInstant(to);
    let fromUs = Math.max(parseInstant(from), parseInstant(cursor));
    while (fromUs < toUs && batch.chunks.length < CHUNKS_PER_BATCH) {
      const part = { plan: { ...plan, from, to }, cursor: formatInstant(fromUs) };
      const next = await planChunks(databases, part);
      batch.chunks.push(...next.chunks);
      batch.empty += next.empty;
      batch.proven += next.proven;
      batch.cursor = next.cursor;
      fromUs = parseInstant(next.cursor);
    }
  }
  return batch;
}
