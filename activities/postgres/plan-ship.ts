import { closest } from 'fastest-levenshtein';
import type { ClientBase } from 'pg';
import { countChunks } from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { MigrationRequest, ShipPlan } from '../../domain/migration.ts';
import { shipsThatCollide } from '../../domain/ship.ts';
import { MS_US, formatInstant, parseInstant, type EpochUs } from '../../domain/time.ts';
import {
  extendLayout,
  otherGroupNumber,
  rowBytes,
  type ChannelColumn,
} from '../../domain/wide-layout.ts';
import { countStrayInstants, firstInstant, listChannels, listShips } from './channel-probes.ts';
import { typeChannels } from './channel-types.ts';
import { withConnection } from './connection.ts';
import { prepareSchema } from './fairlead-schema.ts';
import { ensureMark } from './late/late-mark.ts';
import { layoutOf } from './layout-of.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { describeSource } from './narrow-table.ts';
import { refuseTablesOfOthers, remarksOnOthers } from './other-installations.ts';
import {
  extendTarget,
  findAbsentColumns,
  loadChannelMap,
  refuseDifferences,
} from './wide-table.ts';
import { shellWord } from '../../domain/shell-word.ts';

/** The instants from which the source says what there is to migrate. */
interface ShipInSource {
  channels: string[];
  fromUs: EpochUs;
  toUs: EpochUs;
  remarks: string[];
}

/**
 * Decides what the migration of a ship is: its range, its tables, and what an operator should know before.
 * Moves no data; of the target it touches only the installation's schema.
 *
 * @throws {FairleadError} `ship-unknown`, `ship-ambiguous`, `source-table-invalid`, `target-differs`, `table-taken`, …
 */
export async function planShip(
  databases: MigrationDatabases,
  request: MigrationRequest,
): Promise<ShipPlan> {
  const found = await lookAtSource(databases, request);
  await ensureMark(databases, request.ship);
  return withConnection(
    databases.target,
    { name: `fairlead/plan/${request.ship}`, signal: databases.signal },
    async (client) => {
      const installation = await prepareSchema(client);
      const existing = await loadChannelMap(client, request.ship);
      const fresh = withoutColumn(found.channels, existing);
      const types = await typeChannels(databases, request.ship, fresh, found);
      const columns = [
        ...existing,
        ...extendLayout(existing, types, layoutOf(databases, request.ship)),
      ];
      await refuseTablesOfOthers(client, tablesOf(columns));
      await refuseDifferences(client, columns);
      return {
        ship: request.ship,
        from: formatInstant(found.fromUs),
        to: formatInstant(found.toUs),
        widthMs: request.widthMs,
        redo: request.redo,
        installation,
        startedAt: await readClock(client),
        tables: tablesOf(columns),
        chunks: countChunks(found, request.widthMs * MS_US),
        remarks: [
          ...found.remarks,
          ...remarksOnLayout(databases, found.channels, columns),
          ...remarksOnLoss(request, await findAbsentColumns(client, existing)),
          ...(await remarksOnOthers(client)),
        ],
      };
    },
  );
}

/** Makes the wide tables and columns that the plan needs and the target lacks, also those that somebody dropped. */
export async function prepareTarget(databases: MigrationDatabases, plan: ShipPlan): Promise<void> {
  const { ship } = plan;
  const { signal } = databases;
  const span = { fromUs: parseInstant(plan.from), toUs: parseInstant(plan.to) };
  const channels = await withConnection(
    databases.source,
    { name: `fairlead/plan/${ship}`, purpose: 'probe', signal },
    (client) => listChannels(client, databases.sourceTable, ship),
  );
  const preparing = { name: `fairlead/prepare/${ship}`, signal };
  await withConnection(databases.target, preparing, async (client) => {
    const fresh = withoutColumn(channels, await loadChannelMap(client, ship));
    const types = await typeChannels(databases, ship, fresh, span);
    await extendTarget(client, ship, types, layoutOf(databases, ship));
  });
}

/** A column keeps its type for good, so that only channels without one are probed. */
function withoutColumn(channels: readonly string[], columns: readonly ChannelColumn[]): string[] {
  const known = new Set(columns.map(({ channel }) => channel));
  return channels.filter((channel) => !known.has(channel));
}

function lookAtSource(
  { source, sourceTable, signal }: MigrationDatabases,
  { ship, from, to, widthMs }: MigrationRequest,
): Promise<ShipInSource> {
  const probing = { name: `fairlead/plan/${ship}`, purpose: 'probe', signal } as const;
  return withConnection(source, probing, async (client) => {
    await describeSource(client, sourceTable);
    requireShip(ship, await listShips(client, sourceTable));
    const channels = await listChannels(client, sourceTable, ship);
    const toUs = parseInstant(to);
    const oldestUs = await firstInstant(client, sourceTable, ship, channels, undefined);
    const fromUs =
      from === undefined
        ? Math.min(floorTo(oldestUs ?? toUs, widthMs * MS_US), toUs)
        : parseInstant(from);
    const stray = await countStrayInstants(client, sourceTable, ship, channels, toUs);
    return { channels, fromUs, toUs, remarks: remarksOnInstants(stray) };
  });
}

const floorTo = (us: EpochUs, widthUs: number): EpochUs => Math.floor(us / widthUs) * widthUs;

function requireShip(ship: string, ships: readonly string[]): void {
  if (!ships.includes(ship)) throw unknownShip(ship, ships);
  const twins = shipsThatCollide(ships).find((group) => group.includes(ship));
  if (!twins) return;
  throw new FairleadError(
    'ship-ambiguous',
    `ships ${twins.join(' and ')} differ only in case, and would share their wide tables`,
    {
      hint: 'Give one of them another ship_id in the source, or migrate it from a view that renames it.',
    },
  );
}

export const unknownShip = (ship: string, ships: readonly string[]): FairleadError =>
  new FairleadError(
    'ship-unknown',
    `the source has no cell of ship ${ship}, only of ${ships.length} others`,
    {
      hint:
        ships.length === 0
          ? 'Load data first: fairlead import, or generate.'
          : `Did you mean ${closest(ship, [...ships])}?`,
    },
  );

async function readClock(client: ClientBase): Promise<string> {
  const { rows } = await client.query(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now`,
  );
  return rows[0].now;
}

const tablesOf = (columns: readonly ChannelColumn[]): string[] =>
  [...new Set(columns.map(({ table }) => table))].toSorted();

function remarksOnInstants({
  impossible,
  afterTo,
  afterToIsMore,
}: Awaited<ReturnType<typeof countStrayInstants>>): string[] {
  return [
    ...(impossible > 0
      ? [
          `${impossible} cells at infinity, -infinity or outside the years 1715 to 2254 are no part of any chunk, and stay in the source`,
        ]
      : []),
    ...(afterTo > 0
      ? [
          `${afterToIsMore ? 'at least ' : ''}${afterTo} cells lie at or after the end, and stay in the source`,
        ]
      : []),
  ];
}

function remarksOnLayout(
  { groups }: MigrationDatabases,
  channels: readonly string[],
  columns: readonly ChannelColumn[],
): string[] {
  const present = new Set(channels);
  const listed = groups.flatMap(({ channels: members }) => [...members]);
  const absent = listed.filter((channel) => !present.has(channel)).length;
  const other = columns.filter(({ group }) => group === otherGroupNumber(groups)).length;
  const untyped = withoutColumn(channels, columns).length;
  const remarks = [];
  if (absent > 0) remarks.push(`${absent} listed channels have no cell, and get no column`);
  if (other > 0)
    remarks.push(
      `${other} channels that no list names go to group ${otherGroupNumber(groups)} (other)`,
    );
  if (untyped > 0)
    remarks.push(`${untyped} channels bear no known value format at any probe, and get no column`);
  return [...remarks, ...remarksOnWidth(columns)];
}

function remarksOnWidth(columns: readonly ChannelColumn[]): string[] {
  const groups = new Set(columns.map(({ group }) => group));
  return [...groups].flatMap((group) => {
    const members = columns.filter((column) => column.group === group);
    const tables = tablesOf(members);
    if (tables.length === 1) return [];
    const bytes = rowBytes(members.map(({ type }) => type));
    return [
      `group ${group} (${members.length} columns, ${bytes} bytes a row) is split into ${tables.join(', ')}`,
    ];
  });
}

/** Chunks that the ledger proves are not copied again for what was dropped after them. */
function remarksOnLoss({ ship, redo }: MigrationRequest, lost: readonly ChannelColumn[]): string[] {
  if (redo) return [];
  return tablesOf(lost).map((table) => {
    const columns = lost.filter((column) => column.table === table).length;
    return `${columns} columns of ${table} were dropped, and are made again, empty; what they held of proven chunks comes back with: fairlead verify ${shellWord(ship)} --repair`;
  });
}
