import { columnSeed } from './cell-hash.ts';
import { FairleadError } from './errors.ts';
import type { ColumnType } from './value-format.ts';

/** Where a channel's cells go: one row of `fairlead.channel_map`. */
export interface ChannelColumn {
  channel: string;
  group: number;
  table: string;
  column: string;
  type: ColumnType;
}

export interface ChannelGroup {
  number: number;
  name: string;
  channels: ReadonlySet<string>;
}

export interface TypedChannel {
  channel: string;
  type: ColumnType;
}

/** PostgreSQL's MaxHeapTupleSize with pages of 8 KB: what one row can hold at most. */
export const MAX_ROW_BYTES = 8_160;
/** PostgreSQL's MaxHeapAttributeNumber. */
export const MAX_COLUMNS = 1_600;
/** What a new table is filled to: the rest is left for channels to come. */
const FILL = 0.9;
const MAX_NAME_BYTES = 63;
/** Names that PostgreSQL keeps for itself in every table, and our own key. */
const RESERVED = new Set(['', 'created_time', 'tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid']);

/** Bytes and alignment in a row; a text of up to 24 bytes, header included, is never moved out of the row. */
const STORAGE: Record<ColumnType, { bytes: number; align: number }> = {
  'double precision': { bytes: 8, align: 8 },
  bigint: { bytes: 8, align: 8 },
  text: { bytes: 24, align: 1 },
  boolean: { bytes: 1, align: 1 },
};

const alignTo = (bytes: number, align: number): number => Math.ceil(bytes / align) * align;

/** The widest row that a table with these columns, behind `created_time`, can have: every column set. */
export function rowBytes(types: readonly ColumnType[]): number {
  const header = alignTo(23 + Math.ceil((types.length + 1) / 8), 8);
  let data = 8;
  for (const type of types) data = alignTo(data, STORAGE[type].align) + STORAGE[type].bytes;
  return header + data;
}

const fits = (types: readonly ColumnType[], share: number): boolean =>
  types.length + 1 <= MAX_COLUMNS * share && rowBytes(types) <= MAX_ROW_BYTES * share;

/**
 * The column's name: the channel's own, quoted with its slashes; where PostgreSQL would cut it at 63 bytes, or
 * keeps it for itself, its beginning and eight digits of its hash, the same at every run.
 */
export function columnName(channel: string, taken: ReadonlySet<string>): string {
  const asItIs =
    new TextEncoder().encode(channel).length <= MAX_NAME_BYTES && !RESERVED.has(channel);
  if (asItIs && !taken.has(channel)) return channel;
  for (let salt = 0; ; salt++) {
    const digits = (columnSeed(channel, `name ${salt}`).first >>> 0).toString(16).padStart(8, '0');
    const name = `${cutToBytes(channel, MAX_NAME_BYTES - 9)}~${digits}`;
    if (!taken.has(name)) return name;
  }
}

function cutToBytes(text: string, bytes: number): string {
  let cut = '';
  let used = 0;
  for (const character of text) {
    used += new TextEncoder().encode(character).length;
    if (used > bytes) break;
    cut += character;
  }
  return cut;
}

export interface LayoutOptions {
  groups: readonly ChannelGroup[];
  /** The table of a group; `letter` is empty unless the group needs more than one. */
  tableName: (group: number, letter: string) => string;
  /** False where the template has no `{group}`: all channels share one table. */
  oneTablePerGroup: boolean;
}

/** The number of the group `other`, to which channels go that no list names. */
export const otherGroupNumber = (groups: readonly ChannelGroup[]): number =>
  Math.max(0, ...groups.map((group) => group.number)) + 1;

/**
 * Gives every channel that has no column yet its table and column, after those that are there. What is there
 * stays where it is: a table once created is never renamed or split.
 *
 * @returns the columns to add, in the order in which they should stand in their tables
 * @throws {FairleadError} `config-invalid` where a template without `{group}` allows one table, and that is full
 */
export function extendLayout(
  existing: readonly ChannelColumn[],
  channels: readonly TypedChannel[],
  options: LayoutOptions,
): ChannelColumn[] {
  const mapped = new Set(existing.map(({ channel }) => channel));
  const fresh = channels.filter(({ channel }) => !mapped.has(channel));
  const keyOf = ({ channel }: TypedChannel) =>
    options.oneTablePerGroup ? groupOf(channel, options) : 0;
  return [...groupedBy(fresh, keyOf)]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([key, members]) => placeGroup(key, existing, narrowestLast(members), options));
}

/** Node 20 has no Map.groupBy. */
function groupedBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const members = groups.get(key);
    if (members) members.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function groupOf(channel: string, { groups }: LayoutOptions): number {
  const group = groups.find(({ channels }) => channels.has(channel));
  return group?.number ?? otherGroupNumber(groups);
}

/** Eight-byte columns first, so that no row is padded. */
export function narrowestLast<T extends TypedChannel>(channels: readonly T[]): T[] {
  const rank = (type: ColumnType) => STORAGE[type].align * 100 + STORAGE[type].bytes;
  return channels.toSorted(
    (a, b) => rank(b.type) - rank(a.type) || (a.channel < b.channel ? -1 : 1),
  );
}

function placeGroup(
  group: number,
  existing: readonly ChannelColumn[],
  members: TypedChannel[],
  options: LayoutOptions,
): ChannelColumn[] {
  const tables = openTables(group, existing, members, options);
  const placed: ChannelColumn[] = [];
  for (const member of members) {
    let table = tables.find(({ types, share }) => fits([...types, member.type], share));
    if (!table) {
      table = emptyTable(
        options.tableName(
          group,
          nextLetter(
            tables.map(({ name }) => name),
            group,
            options,
          ),
        ),
      );
      tables.push(table);
    }
    const column = columnName(member.channel, table.names);
    table.types.push(member.type);
    table.names.add(column);
    const { channel, type } = member;
    placed.push({ channel, group: groupOf(channel, options), table: table.name, column, type });
  }
  return placed;
}

interface OpenTable {
  name: string;
  types: ColumnType[];
  names: Set<string>;
  share: number;
}

const emptyTable = (name: string): OpenTable => ({
  name,
  types: [],
  names: new Set(),
  share: FILL,
});

/** The group's tables as they stand; a group without one opens `_1`, or `_1a` when it will need a second. */
function openTables(
  group: number,
  existing: readonly ChannelColumn[],
  members: TypedChannel[],
  options: LayoutOptions,
): OpenTable[] {
  const inGroup = existing.filter((column) => !options.oneTablePerGroup || column.group === group);
  const byTable = groupedBy(inGroup, ({ table }) => table);
  if (byTable.size === 0) {
    const fitsInOne = fits(
      members.map(({ type }) => type),
      FILL,
    );
    return [emptyTable(options.tableName(group, fitsInOne ? '' : 'a'))];
  }
  return [...byTable].map(([name, columns]) => ({
    name,
    types: columns.map(({ type }) => type),
    names: new Set(columns.map(({ column }) => column)),
    share: 1,
  }));
}

function nextLetter(taken: string[], group: number, { tableName }: LayoutOptions): string {
  for (let code = 'a'.charCodeAt(0); code <= 'z'.charCodeAt(0); code++) {
    const letter = String.fromCharCode(code);
    if (!taken.includes(tableName(group, letter))) return letter;
  }
  throw new FairleadError(
    'config-invalid',
    `${taken.join(', ')} cannot take all channels: a row holds ${MAX_ROW_BYTES} bytes and ${MAX_COLUMNS} columns`,
    {
      hint: `Put {group} into [target] table in fairlead.toml, or spread group ${group} over more groups.`,
    },
  );
}
