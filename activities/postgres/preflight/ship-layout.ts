import type { PoolClient } from 'pg';
import { formatCount } from '../../../domain/format-figures.ts';
import { FairleadError, type ErrorCode } from '../../../domain/errors.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import type { Span } from '../../../domain/chunk-planning.ts';
import { columnTypeOf, isValueFormat, columnTypeOfFormat } from '../../../domain/value-format.ts';
import {
  MAX_ROW_BYTES,
  extendLayout,
  otherGroupNumber,
  rowBytes,
  type ChannelColumn,
  type TypedChannel,
} from '../../../domain/wide-layout.ts';
import { probeFormats } from '../channel-types.ts';
import { findInstallation } from '../fairlead-schema.ts';
import { layoutOf } from '../layout-of.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { refuseTablesOfOthers } from '../other-installations.ts';
import { loadChannelMap, refuseDifferences } from '../wide-table.ts';
import { statementsOf } from './rights.ts';

/** By channel, how many probes met which value format. */
export type Formats = Map<string, Map<string, number>>;

/** Where every channel of a ship would go, with those that have a column already. */
export interface ShipLayout {
  columns: ChannelColumn[];
  /** Channels whose probes met no known format. */
  untyped: string[];
}

export const readFormats = (
  client: PoolClient,
  databases: MigrationDatabases,
  ship: string,
  channels: readonly string[],
  span: Span,
): Promise<Formats> => probeFormats(client, databases, ship, channels, span);

/** The columns that the target's map has for the ship; none before its first migration. */
export async function readMap(client: PoolClient, ship: string): Promise<ChannelColumn[]> {
  return (await findInstallation(client)) ? loadChannelMap(client, ship) : [];
}

/** @throws {FairleadError} `config-invalid` where the channels fit no table */
export function layOut(
  databases: MigrationDatabases,
  ship: string,
  channels: readonly string[],
  formats: Formats,
  existing: readonly ChannelColumn[],
): ShipLayout {
  const mapped = new Set(existing.map(({ channel }) => channel));
  const fresh = channels.filter((channel) => !mapped.has(channel));
  const typed = fresh.flatMap((channel): TypedChannel[] => {
    const type =
      databases.channelTypes.get(channel) ?? columnTypeOf(formats.get(channel) ?? new Map());
    return type === undefined ? [] : [{ channel, type }];
  });
  const known = new Set(typed.map(({ channel }) => channel));
  return {
    columns: [...existing, ...extendLayout(existing, typed, layoutOf(databases, ship))],
    untyped: fresh.filter((channel) => !known.has(channel)),
  };
}

/** Channels by group, and those that no list names. */
export function checkChannels(
  { groups }: MigrationDatabases,
  ship: string,
  channels: readonly string[],
): Check[] {
  const { good, look } = checksOf('ships', ship);
  const counts = groups.map(
    ({ name, channels: members }) =>
      `${formatCount(channels.filter((channel) => members.has(channel)).length)} ${name}`,
  );
  const listed = new Set(groups.flatMap(({ channels: members }) => [...members]));
  const other = channels.filter((channel) => !listed.has(channel));
  const present = new Set(channels);
  const absent = [...listed].filter((channel) => !present.has(channel)).length;
  const without =
    absent > 0 ? `; ${formatCount(absent)} listed ones have no cell, and get no column` : '';
  const found = `${formatCount(channels.length)}: ${[...counts, `${formatCount(other.length)} other`].join(', ')}${without}`;
  if (other.length === 0 || groups.length === 0) return [good('channels', found)];
  const number = otherGroupNumber(groups);
  return [
    look(
      'channels',
      `${found}; what no list names goes to group ${number} (other)`,
      `printf '%s\\n' ${other.map(shellQuoted).join(' ')} >> channels/${groups.at(-1)!.name}.txt   # or another group's file`,
    ),
  ];
}

const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Channels whose cells are of several formats, or of none that is known. */
export function checkTypes(
  { channelTypes }: MigrationDatabases,
  ship: string,
  formats: Formats,
  { untyped }: ShipLayout,
): Check[] {
  const { good, look } = checksOf('ships', ship);
  const mixed = [...formats].filter(
    ([channel, met]) => !channelTypes.has(channel) && typesOf(met).length > 1,
  );
  const isHarmless = ([, met]: [string, Map<string, number>]) =>
    typesOf(met).every((type) => type === 'bigint' || type === 'double precision');
  const numbers = mixed.filter(isHarmless);
  const wrong = mixed.filter((entry) => !isHarmless(entry));
  const asDecimal =
    numbers.length > 0
      ? `; ${formatCount(numbers.length)} mix Integer and Decimal, and become Decimal`
      : '';
  if (wrong.length === 0 && untyped.length === 0)
    return [good('types', `one type per channel at 16 instants${asDecimal}`)];
  const words = [
    ...(wrong.length > 0
      ? [
          `${formatCount(wrong.length)} channels mix types, and what is not of the commonest goes to quarantine: ${shown(wrong.map(([channel, met]) => `${channel} (${[...met.keys()].join(', ')})`))}`,
        ]
      : []),
    ...(untyped.length > 0
      ? [
          `${formatCount(untyped.length)} channels bear no known value format at 16 instants, and get no column: ${shown(untyped)}`,
        ]
      : []),
  ];
  const lines = [
    ...wrong.map(([channel, met]) => `${JSON.stringify(channel)} = "${commonest(met)}"`),
    ...untyped.map((channel) => `${JSON.stringify(channel)} = "String"`),
  ];
  return [
    look('types', words.join('; ') + asDecimal, ['[migration.channelTypes]', ...lines].join('\n')),
  ];
}

const shown = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(', ') : `${names.slice(0, 3).join(', ')}, …`;

const typesOf = (met: Map<string, number>) => [
  ...new Set([...met.keys()].filter(isValueFormat).map((format) => columnTypeOfFormat[format])),
];

const commonest = (met: Map<string, number>): string =>
  [...met].filter(([format]) => isValueFormat(format)).toSorted(([, a], [, b]) => b - a)[0]![0];

/** How wide each table's rows are at their widest. */
export function checkWidths(ship: string, { columns }: ShipLayout): Check[] {
  const { good, look } = checksOf('ships', ship);
  const tables = [...new Set(columns.map(({ table }) => table))].toSorted();
  const widths = tables.map((table) => {
    const types = columns.filter((column) => column.table === table).map(({ type }) => type);
    return { table, columns: types.length, bytes: rowBytes(types) };
  });
  const found = widths
    .map(
      ({ table, columns: count, bytes }) =>
        `${table} ${formatCount(count)} columns, ${formatCount(bytes)} bytes`,
    )
    .join('; ');
  const tooWide = widths.some(({ bytes }) => bytes > MAX_ROW_BYTES);
  const sentence = `rows at their widest, of ${formatCount(MAX_ROW_BYTES)} bytes that fit: ${found}`;
  if (!tooWide) return [good('row width', sentence)];
  return [
    look(
      'row width',
      `${sentence}; a row with every value does not fit`,
      '[[channelGroups]]\nnumber = 4\nname = "more"\nfile = "channels/more.txt"',
    ),
  ];
}

const STANDS_IN_THE_WAY: readonly ErrorCode[] = ['target-differs', 'table-taken'];

/** What stands in the way in wide tables that exist already. */
export async function checkColumns(
  client: PoolClient,
  ship: string,
  { columns }: ShipLayout,
): Promise<Check[]> {
  const { good, stop } = checksOf('ships', ship);
  try {
    await refuseTablesOfOthers(client, new Set(columns.map(({ table }) => table)));
    await refuseDifferences(client, columns);
    return [good('columns', 'no wide table stands in the way')];
  } catch (error) {
    if (!(error instanceof FairleadError) || !STANDS_IN_THE_WAY.includes(error.code)) throw error;
    return [stop('columns', error.message, statementsOf(error))];
  }
}
