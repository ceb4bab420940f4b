import { columnTypeOf, type ColumnType } from '../../domain/value-format.ts';
import type { ChannelColumn, TypedChannel } from '../../domain/wide-layout.ts';
import type { ChunkCells } from './cells.ts';
import type { ChunkProgress } from './chunk-progress.ts';
import { withConnection } from './connection.ts';
import { layoutOf } from './layout-of.ts';
import { formatKey, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { extendTarget, loadChannelMap } from './wide-table.ts';

/** Where the cells' channels go; those that the plan did not know get their columns now. */
export async function columnsOf(
  databases: MigrationDatabases,
  key: ChunkKey,
  cells: ChunkCells,
  progress: ChunkProgress,
): Promise<Map<string, ChannelColumn>> {
  progress.enter('columns', cells.read);
  const options = {
    name: `fairlead/columns/${key.ship}`,
    subject: formatKey(key),
    signal: progress.signal,
    watch: progress.watch,
  };
  const columns = await withConnection(databases.target, options, async (client) => {
    const known = byChannel(await loadChannelMap(client, key.ship));
    const types = lateChannels(cells, known, databases.channelTypes);
    if (types.length === 0) return known;
    return byChannel(await extendTarget(client, key.ship, types, layoutOf(databases, key.ship)));
  });
  return columns;
}

const byChannel = (columns: readonly ChannelColumn[]): Map<string, ChannelColumn> =>
  new Map(columns.map((column) => [column.channel, column]));

/** Channels that have no column, with the type that all their cells in the chunk tell. */
function lateChannels(
  { plain, odd }: ChunkCells,
  known: ReadonlyMap<string, ChannelColumn>,
  prescribed: ReadonlyMap<string, ColumnType>,
): TypedChannel[] {
  const formats = new Map<string, Map<string, number>>();
  const count = (channel: string, format: string | undefined, cells: number) => {
    if (known.has(channel) || format === undefined) return;
    const counts = formats.get(channel) ?? new Map<string, number>();
    formats.set(channel, counts.set(format, (counts.get(format) ?? 0) + cells));
  };
  for (const { channel, format, grid } of plain) count(channel, format, grid.us.length);
  for (const { channel, format } of odd) count(channel, format, 1);
  return [...formats].flatMap(([channel, counts]) => {
    const type = columnTypeOf(counts);
    return type === undefined ? [] : [{ channel, type: prescribed.get(channel) ?? type }];
  });
}
