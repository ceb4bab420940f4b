import { formatBytes, formatCount, formatMany } from '../../../domain/format-figures.ts';
import { countChunks, type Span } from '../../../domain/chunk-planning.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { checksOf, type Check, type ShipEstimate } from '../../../domain/preflight.ts';
import { MS_US, formatDurationMs, formatInstant, type EpochUs } from '../../../domain/time.ts';
import type { ChannelColumn } from '../../../domain/wide-layout.ts';
import { findInstallation } from '../fairlead-schema.ts';
import { listChunks, type ChunkKey } from '../ledger.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { checkPlan, checkStatistics, explainChunk, type ChunkPlan } from './chunk-plan.ts';
import { OutOfTime, attempt, checkOfFailure, look, type Deadline, type Side } from './look.ts';
import { checkWideTables } from './rights.ts';
import { checkSample, readSample, type Sample } from './sample-chunk.ts';
import {
  checkChannels,
  checkColumns,
  checkTypes,
  checkWidths,
  layOut,
  readFormats,
  readMap,
  type ShipLayout,
} from './ship-layout.ts';
import {
  checkRange,
  chooseSample,
  findOccupancy,
  findRange,
  openSpans,
  type Occupancy,
  type ShipRange,
} from './ship-range.ts';
import type { SourceTable } from './source-table.ts';
import { shellWord } from '../../../domain/shell-word.ts';

/** What ships are looked at with. */
export interface ShipSurroundings {
  databases: MigrationDatabases;
  source: Side;
  /** Absent when it did not answer. */
  target: Side | undefined;
  table: SourceTable;
  widthMs: number;
  nowUs: EpochUs;
  deadline: Deadline;
  /** What the ships that come after this one are left with. */
  shareMs: number;
}

export interface ShipFindings {
  checks: Check[];
  estimate?: ShipEstimate;
  sample?: Sample;
  /** What the target will grow by. */
  targetBytes?: number;
}

/**
 * A proven chunk beside its read over one connection, measured on the bench: the read is halved over two
 * connections, then come writing, reading back and the commit.
 */
const PROVEN_TO_READ = 1.2;
/** For a ship's index probes: on a cold cache each of them is a disk access. */
const PROBES_MS = 10_000;
const SAMPLE_MS = 10_000;

/** All that can be said of one ship without moving its data. */
export async function checkShip(
  surroundings: ShipSurroundings,
  ship: string,
): Promise<ShipFindings> {
  const found = await lookAtRange(surroundings, ship);
  if (!('range' in found)) return { checks: found.checks };
  const { range } = found;
  const target = await lookAtTarget(surroundings, range);
  const layout = await lookAtChannels(surroundings, range, target.map);
  const open = openSpans(range, target.proven);
  const chunk = await lookAtChunk(surroundings, range, open, layout.layout);
  const cost = costOf(range, open, chunk);
  return {
    checks: [
      ...checkRange(range, surroundings.table.name),
      ...target.checks,
      ...layout.checks,
      ...(await columnChecks(surroundings, ship, layout.layout)),
      ...chunk.checks,
      ...cost.checks,
    ],
    ...(chunk.sample && { sample: chunk.sample }),
    ...(cost.estimate && { estimate: cost.estimate, targetBytes: cost.targetBytes }),
  };
}

async function lookAtRange(
  { databases, source, widthMs, nowUs, deadline, shareMs }: ShipSurroundings,
  ship: string,
): Promise<{ range: ShipRange } | { checks: Check[] }> {
  try {
    const range = await look(
      source.pool,
      deadline,
      (client) => findRange(client, databases.sourceTable, ship, widthMs * MS_US, nowUs),
      Math.min(PROBES_MS, shareMs),
    );
    if (range) return { range };
    const { look: toLookAt } = checksOf('ships', ship);
    return {
      checks: [
        toLookAt('range', 'no cell at a time that a chunk can hold', 'fairlead import FILE.csv'),
      ],
    };
  } catch (error) {
    return { checks: [checkOfFailure('ships', ship, 'range', error)] };
  }
}

interface InTarget {
  map: ChannelColumn[];
  proven: Span[];
  checks: Check[];
}

/** What an earlier migration has left: columns, and proven chunks. */
async function lookAtTarget(
  { target, deadline, nowUs, widthMs }: ShipSurroundings,
  range: ShipRange,
): Promise<InTarget> {
  const inTarget: InTarget = { map: [], proven: [], checks: [] };
  if (!target) return inTarget;
  const { ship } = range;
  inTarget.checks = await attempt('ships', ship, 'ledger', () =>
    look(target.pool, deadline, async (client) => {
      const { good } = checksOf('ships', ship);
      if (!(await findInstallation(client))) return [good('ledger', 'nothing is proven yet')];
      inTarget.map = await readMap(client, ship);
      const startedAt = formatInstant(nowUs);
      const rows = await listChunks(client, range, { startedAt, redo: false });
      inTarget.proven = rows.filter(({ settled }) => settled);
      const all = countChunks(range, widthMs * MS_US);
      const left = openSpans(range, inTarget.proven).reduce(
        (sum, span) => sum + countChunks(span, widthMs * MS_US),
        0,
      );
      return [
        good(
          'ledger',
          `${formatCount(all - left)} of ${formatCount(all)} chunks are proven already`,
        ),
      ];
    }),
  );
  return inTarget;
}

async function lookAtChannels(
  { databases, source, deadline, shareMs }: ShipSurroundings,
  range: ShipRange,
  map: readonly ChannelColumn[],
): Promise<{ checks: Check[]; layout: ShipLayout }> {
  const { ship, channels } = range;
  let layout: ShipLayout = { columns: [...map], untyped: [] };
  const checks = await attempt('ships', ship, 'types', async () => {
    const formats = await look(
      source.pool,
      deadline,
      (client) => readFormats(client, databases, ship, channels, range),
      Math.min(PROBES_MS, shareMs),
    );
    layout = layOut(databases, ship, channels, formats, map);
    return [...checkTypes(databases, ship, formats, layout), ...checkWidths(ship, layout)];
  });
  return { checks: [...checkChannels(databases, ship, channels), ...checks], layout };
}

async function columnChecks(
  { target, deadline }: ShipSurroundings,
  ship: string,
  layout: ShipLayout,
): Promise<Check[]> {
  if (!target) return [];
  const tables = [...new Set(layout.columns.map(({ table }) => table))];
  const inTarget = (name: string, work: Parameters<typeof look<Check[]>>[2]) =>
    attempt('ships', ship, name, () => look(target.pool, deadline, work));
  return [
    ...(await inTarget('columns', (client) => checkColumns(client, ship, layout))),
    ...(await inTarget('wide tables', (client) => checkWideTables(client, target, ship, tables))),
  ];
}

interface ChunkFindings {
  checks: Check[];
  occupancy?: Occupancy;
  plan?: ChunkPlan;
  sample?: Sample;
}

/** The plan of one chunk of the middle, and then its read. */
async function lookAtChunk(
  surroundings: ShipSurroundings,
  range: ShipRange,
  open: readonly Span[],
  layout: ShipLayout,
): Promise<ChunkFindings> {
  const { source, table, deadline, shareMs } = surroundings;
  const { ship, channels } = range;
  const found: ChunkFindings = { checks: [] };
  if (open.length === 0) return found;
  const probes = Math.min(PROBES_MS, shareMs);
  found.checks = await attempt('ships', ship, 'plan', async () => {
    const chosen = await look(
      source.pool,
      deadline,
      async (client) => {
        const occupancy = await findOccupancy(client, table.name, range, open);
        const span = chooseSample(occupancy);
        if (!span) return { occupancy };
        return {
          occupancy,
          span,
          plan: await explainChunk(client, table, { ...span, ship }, channels),
        };
      },
      probes,
    );
    found.occupancy = chosen.occupancy;
    const { span, plan } = chosen;
    if (!span || !plan) return [];
    found.plan = plan;
    const checks = [checkPlan(ship, plan, table, source.facts)];
    if (plan.scans.length > 0) return checks;
    const sampled = await attempt('ships', ship, 'one chunk', async () => {
      found.sample = await sampleChunk(surroundings, { ...span, ship }, channels, layout);
      return [
        checkSample(found.sample, channels.length),
        ...checkStatistics(ship, plan, found.sample.cells, table),
      ];
    });
    return [...checks, ...sampled.map((check) => withSmallerWidth(check, surroundings.widthMs))];
  });
  return found;
}

const sampleChunk = (
  { databases, source, table, deadline, shareMs }: ShipSurroundings,
  key: ChunkKey,
  channels: readonly string[],
  { columns }: ShipLayout,
): Promise<Sample> =>
  databases.buffers.use('chunk', (buffer) =>
    look(
      source.pool,
      deadline,
      (client) => readSample(client, table, key, channels, columns, buffer),
      Math.min(SAMPLE_MS, shareMs),
    ),
  );

/** A chunk that fits neither the sample's time nor the buffer: smaller ones are better from the start. */
function withSmallerWidth(check: Check, widthMs: number): Check {
  if (check.name !== 'one chunk' || !/not to be had/.test(check.found)) return check;
  const width = formatDurationMs(Math.max(60_000, widthMs / 4)).replaceAll(' ', '');
  return { ...check, fix: `[migration]\nwidth = "${width}"` };
}

interface Cost {
  checks: Check[];
  estimate?: ShipEstimate;
  targetBytes: number;
}

function costOf(
  { ship, fromUs, toUs, widthUs }: ShipRange,
  open: readonly Span[],
  { occupancy, sample }: ChunkFindings,
): Cost {
  const { good } = checksOf('ships', ship);
  const chunks = open.reduce((sum, span) => sum + countChunks(span, widthUs), 0);
  const range = { ship, from: formatInstant(fromUs), to: formatInstant(toUs), chunks };
  if (chunks === 0) {
    const estimate = { ...range, estimatedCells: 0, estimatedSeconds: 0 };
    return { checks: [good('estimate', 'nothing is left to copy')], estimate, targetBytes: 0 };
  }
  if (!occupancy || !sample) return { checks: [], targetBytes: 0 };
  const width = sample.key.toUs - sample.key.fromUs;
  const openUs = open.reduce((sum, span) => sum + span.toUs - span.fromUs, 0);
  const full = (openUs / width) * occupancy.share;
  const [cells, seconds, bytes, targetBytes] = [
    sample.cells,
    sample.seconds * PROVEN_TO_READ,
    sample.bytes,
    sample.targetBytes,
  ].map((figure) => figure * full) as [number, number, number, number];
  const found =
    `about ${formatMany(cells)} cells, ${formatBytes(bytes)} from the source, ${formatBytes(targetBytes)} in the target, ` +
    `${formatDurationMs(seconds * 1_000)} if one chunk is like the others (${occupancy.words})`;
  return {
    checks: [good('estimate', found)],
    estimate: {
      ...range,
      estimatedCells: Math.round(cells),
      estimatedSeconds: Math.round(seconds * 10) / 10,
    },
    targetBytes,
  };
}

/** For a ship that nothing was asked of, because the time was over. */
export const notLookedAt = (ship: string, error: unknown): Check =>
  error instanceof OutOfTime || error instanceof FairleadError
    ? {
        ...checksOf('ships', ship).look('range', 'not looked at, because the time was over'),
        fix: `fairlead preflight ${shellWord(ship)}`,
      }
    : checkOfFailure('ships', ship, 'range', error);
