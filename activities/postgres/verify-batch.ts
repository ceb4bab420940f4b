import type { PoolClient } from 'pg';
import { chunksOf, halvesOf } from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { ChunkComparison, Difference, VerifyBatchInput } from '../../domain/migration.ts';
import { MINUTE_US, MS_US, formatInstant, parseInstant } from '../../domain/time.ts';
import { columnTypeOf } from '../../domain/value-format.ts';
import {
  addComparison,
  isSilent,
  MAX_DIFFERENCES,
  noDifference,
  type ComparisonSums,
} from '../../domain/verification.ts';
import type { ChannelColumn } from '../../domain/wide-layout.ts';
import { bookCells, type BookedChunk } from './book-cells.ts';
import type { ChunkCells } from './cells.ts';
import { sumOfBooked } from './chunk-sum.ts';
import { compareCells } from './compare-cells.ts';
import { withConnection } from './connection.ts';
import type { CopyBuffer } from './copy-binary.ts';
import { timestampText, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { readBack } from './read-back.ts';
import { readChunk } from './read-chunk.ts';
import { silentUntil } from './silence.ts';
import { loadChannelMap } from './wide-table.ts';
import { ledgerOf } from './ledger-schema.ts';

/** Of a batch's time, what each of its twelve chunks may wait for a slot of the source. */
const SLOT_WAIT_SHARE = 1 / 24;

/**
 * Compares source and target, both read anew: by checksum first, cell by cell only where that differs. Where neither
 * has anything, it tells how long that stays so.
 */
export async function verifyBatch(
  databases: MigrationDatabases,
  { ship, from, to, widthMs }: VerifyBatchInput,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs?: number },
): Promise<ChunkComparison> {
  const [fromUs, toUs, widthUs] = [parseInstant(from), parseInstant(to), widthMs * MS_US];
  const slotWithinMs = timeoutMs && timeoutMs * SLOT_WAIT_SHARE;
  let sums = noDifference();
  for (const chunk of chunksOf({ fromUs, toUs }, widthUs)) {
    const key = { ...chunk, ship };
    sums = addComparison(sums, await verifyInParts(databases, key, signal, slotWithinMs));
  }
  if (!isSilent(sums)) return { from, to, ...sums };
  const nextUs = await silentUntil(databases, ship, toUs, signal);
  const beginUs = Math.max(toUs, Math.floor(nextUs / widthUs) * widthUs);
  return { from, to, ...sums, silentUntil: formatInstant(beginUs) };
}

/** What had to be split to be copied has to be split to be compared, so that memory stays bounded. */
export async function verifyInParts(
  databases: MigrationDatabases,
  key: ChunkKey,
  signal: AbortSignal,
  slotWithinMs?: number,
): Promise<ComparisonSums> {
  try {
    return await verifyChunk(databases, key, signal, slotWithinMs);
  } catch (error) {
    const isTooBig = error instanceof FairleadError && error.kind === 'too-big';
    if (!isTooBig || key.toUs - key.fromUs < 2 * MINUTE_US) throw error;
    const [first, second] = halvesOf(key);
    return addComparison(
      await verifyInParts(databases, { ...key, ...first }, signal, slotWithinMs),
      await verifyInParts(databases, { ...key, ...second }, signal, slotWithinMs),
    );
  }
}

function verifyChunk(
  databases: MigrationDatabases,
  key: ChunkKey,
  signal: AbortSignal,
  slotWithinMs: number | undefined,
): Promise<ComparisonSums> {
  const { target, buffers } = databases;
  const options = { name: `fairlead/verify/${key.ship}`, purpose: 'read' as const, signal };
  return buffers.use('chunk', (buffer) =>
    buffers.use('rows', async (scratch) => {
      const cells = await readChunk(databases, key, buffer, {
        ...options,
        slot: { withinMs: slotWithinMs },
      });
      return withConnection(target, options, (client) => compare(client, key, cells, scratch));
    }),
  );
}

async function compare(
  client: PoolClient,
  key: ChunkKey,
  cells: ChunkCells,
  scratch: CopyBuffer,
): Promise<ComparisonSums> {
  const booked = bookCells(cells, expectedColumns(cells, await loadChannelMap(client, key.ship)));
  const { counts } = booked;
  const kept = await countKept(client, key, booked);
  const read = sumOfBooked(booked);
  const { sum } = await readBack(client, key, scratch);
  const areEqual = sum.cells === read.cells && sum.checksum === read.checksum;
  const found = areEqual
    ? { ...noDifference(), matched: counts.written }
    : await compareCells(client, key, booked, scratch);
  const range = { from: formatInstant(key.fromUs), to: formatInstant(key.toUs) };
  const lost = counts.quarantined - kept;
  return {
    ...found,
    source: counts.read,
    matched: found.matched + counts.nulls,
    missing: found.missing + lost,
    quarantined: kept,
    differences: [
      ...(lost > 0 ? [lostQuarantine(key, counts.quarantined, kept)] : []),
      ...found.differences,
    ].slice(0, MAX_DIFFERENCES),
    ...((!areEqual || lost > 0) && { differing: [range] }),
  };
}

/** The stored columns, and for channels that have none one that no table holds: their cells are missing. */
function expectedColumns(
  cells: ChunkCells,
  stored: readonly ChannelColumn[],
): Map<string, ChannelColumn> {
  const columns = new Map(stored.map((column) => [column.channel, column]));
  for (const { channel, format } of [...cells.plain, ...cells.odd]) {
    const type = columnTypeOf(new Map([[format ?? '', 1]]));
    if (type === undefined || columns.has(channel)) continue;
    columns.set(channel, { channel, type, group: 0, table: '', column: channel });
  }
  return columns;
}

/** How many of the cells that belong into quarantine are there. */
async function countKept(
  client: PoolClient,
  { ship, fromUs, toUs }: ChunkKey,
  booked: BookedChunk,
): Promise<number> {
  if (booked.counts.quarantined === 0) return 0;
  const { rows } = await client.query(
    `select count(*)::int as kept from ${ledgerOf(client)}.quarantine
      where ship_id = $1 and created_time >= $2 and created_time < $3`,
    [ship, timestampText(fromUs), timestampText(toUs)],
  );
  return Math.min(rows[0].kept, booked.counts.quarantined);
}

const lostQuarantine = ({ fromUs }: ChunkKey, expected: number, kept: number): Difference => ({
  at: formatInstant(fromUs),
  channel: '',
  what: `quarantine holds ${kept} cells, expected ${expected}`,
});
