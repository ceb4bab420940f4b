import type { ClientBase } from 'pg';
import { EXCESSIVE_QUARANTINE } from '../../domain/classify-cell.ts';
import { countChunks, subtractSpans, type Span } from '../../domain/chunk-planning.ts';
import type {
  QuarantineCount,
  ShipPlan,
  ShipReport,
  VerifyRequest,
} from '../../domain/migration.ts';
import { FairleadError } from '../../domain/errors.ts';
import { standingFailures } from '../../domain/standing-failures.ts';
import { HOUR_US, MS_US, formatInstant, parseInstant } from '../../domain/time.ts';
import { withConnection } from './connection.ts';
import { findInstallation } from './fairlead-schema.ts';
import { sayOfLate } from './late/reopen-late-chunks.ts';
import { readLedgerSums, type LedgerSums } from './ledger-sums.ts';
import { timestampText, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { quoteTable } from './narrow-table.ts';
import { listTables, resolveTables } from './read-wide.ts';
import { quoteWideTable } from './wide-table.ts';
import { ledgerOf } from './ledger-schema.ts';
import { shellWord } from '../../domain/shell-word.ts';

const DEFAULT_WIDTH_US = 2 * HOUR_US;

/**
 * Where a ship stands, by the ledger alone: it needs neither the source nor Temporal.
 *
 * @returns undefined for a ship that the ledger does not know
 */
export async function reportShip(
  { target }: Pick<MigrationDatabases, 'target'>,
  request: VerifyRequest & { widthMs?: number },
): Promise<ShipReport | undefined> {
  return withConnection(target, { name: `fairlead/status/${request.ship}` }, async (client) => {
    if (!(await findInstallation(client))) return undefined;
    const sums = await readLedgerSums(client, request);
    const known = knownRange(request, sums.extent);
    if (!known) return undefined;
    const key = { ...known, ship: request.ship };
    const report = addUp(
      key,
      sums,
      request.widthMs === undefined ? DEFAULT_WIDTH_US : request.widthMs * MS_US,
    );
    return {
      ...report,
      tables: await listTables(client, request.ship),
      quarantine: await countQuarantine(client, key),
    };
  });
}

/**
 * The report of a ship; at the end of its migration, given the plan, also statistics for the planner (of the key:
 * nobody filters by a channel's value, and those of 655 columns take seconds), and what is wrong with its quarantine.
 *
 * @throws {FairleadError} `ship-unknown` when the ledger does not know the ship
 */
export async function summarizeShip(
  databases: MigrationDatabases,
  request: VerifyRequest | ShipPlan,
): Promise<ShipReport> {
  const report = await reportShip(databases, request);
  if (!report) throw neverMigrated(request.ship);
  if (!('installation' in request)) return report;
  await withConnection(
    databases.target,
    { name: `fairlead/analyze/${request.ship}`, purpose: 'write' },
    async (client) => {
      for (const table of (await resolveTables(client, request.ship)).keys())
        await client.query(`analyze ${quoteWideTable(table)} (created_time)`);
    },
  );
  const late = await sayOfLate(databases, request);
  const quarantine = await markExcessive(databases, request, report.quarantine);
  const { remarks } = request;
  return { ...report, quarantine, remarks, ...(late.length > 0 && { late }) };
}

const neverMigrated = (ship: string) =>
  new FairleadError('ship-unknown', `the ledger has no chunk of ship ${ship}`, {
    hint: `Migrate it first: fairlead migrate ${shellWord(ship)}`,
  });

function knownRange({ from, to }: VerifyRequest, extent: Span | undefined): Span | undefined {
  const fromUs = from ? parseInstant(from) : extent?.fromUs;
  const toUs = to ? parseInstant(to) : extent?.toUs;
  return fromUs === undefined || toUs === undefined ? undefined : { fromUs, toUs };
}

type Addition = Omit<ShipReport, 'tables' | 'quarantine'>;

function addUp(key: ChunkKey, sums: LedgerSums, widthUs: number): Addition {
  const { cells, foreign, seconds } = sums;
  const { done, empty, split } = sums.chunks;
  const failures = standingFailures(sums.failed, sums.proven);
  const failed = failures.length;
  const open = subtractSpans(key, [...sums.proven, ...failures]);
  const openChunks = open.reduce((total, span) => total + countChunks(span, widthUs), 0);
  return {
    ship: key.ship,
    from: formatInstant(key.fromUs),
    to: formatInstant(key.toUs),
    phase: openChunks === 0 ? 'finished' : 'copying',
    chunks: { total: done + empty + failed + openChunks, done, empty, split, failed },
    cells,
    foreign,
    seconds: Math.round(seconds * 1_000) / 1_000,
    cellsPerSecond: seconds > 0 ? Math.round(cells.read / seconds) : 0,
    verified: openChunks === 0 && failed === 0,
  };
}

const QUARANTINE_RANGE = 'ship_id = $1 and created_time >= $2 and created_time < $3';
const rangeOf = ({ ship, fromUs, toUs }: ChunkKey) => [
  ship,
  timestampText(fromUs),
  timestampText(toUs),
];

async function countQuarantine(client: ClientBase, key: ChunkKey): Promise<QuarantineCount[]> {
  const { rows } = await client.query(
    `select reason, count(*)::float8 as cells from ${ledgerOf(client)}.quarantine where ${QUARANTINE_RANGE} group by 1 order by 2 desc`,
    rangeOf(key),
  );
  return rows.map(({ reason, cells }) => ({ reason, cells, excessiveChannels: [] }));
}

/** Counts, by the index, the cells of those few channels that have any in quarantine. */
async function markExcessive(
  databases: MigrationDatabases,
  plan: ShipPlan,
  quarantine: readonly QuarantineCount[],
): Promise<QuarantineCount[]> {
  if (quarantine.length === 0) return [];
  const key = { ship: plan.ship, fromUs: parseInstant(plan.from), toUs: parseInstant(plan.to) };
  const { rows } = await withConnection(
    databases.target,
    { name: `fairlead/quarantine/${key.ship}` },
    (client) =>
      client.query(
        `select data_channel_id as channel, array_agg(distinct reason) as reasons, count(*)::float8 as cells
           from ${ledgerOf(client)}.quarantine where ${QUARANTINE_RANGE} group by 1`,
        rangeOf(key),
      ),
  );
  const excessive = new Map<string, string[]>();
  for (const { channel, reasons, cells } of rows) {
    if (cells <= EXCESSIVE_QUARANTINE * (await countCells(databases, key, channel))) continue;
    for (const reason of reasons)
      excessive.set(reason, [...(excessive.get(reason) ?? []), channel]);
  }
  return quarantine.map((count) => ({
    ...count,
    excessiveChannels: excessive.get(count.reason) ?? [],
  }));
}

async function countCells(
  { source, sourceTable }: MigrationDatabases,
  key: ChunkKey,
  channel: string,
): Promise<number> {
  const counting = { name: `fairlead/quarantine/${key.ship}`, purpose: 'probe' } as const;
  const { rows } = await withConnection(source, counting, (client) =>
    client.query(
      `select count(*)::float8 as cells from ${quoteTable(sourceTable)} where ${QUARANTINE_RANGE} and data_channel_id = $4`,
      [...rangeOf(key), channel],
    ),
  );
  return rows[0].cells;
}
