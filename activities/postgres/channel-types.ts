import type { ClientBase } from 'pg';
import type { Span } from '../../domain/chunk-planning.ts';
import { columnTypeOf } from '../../domain/value-format.ts';
import type { TypedChannel } from '../../domain/wide-layout.ts';
import { withConnection } from './connection.ts';
import { timestampText } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { quoteTable } from './narrow-table.ts';

/** At so many instants, evenly spread, each channel is asked for its value format. */
const PROBES = 16;

/**
 * Finds the column types of channels by index probes at many instants; what the configuration prescribes wins.
 *
 * @returns no entry for a channel of which no probe met a known format
 */
export async function typeChannels(
  databases: MigrationDatabases,
  ship: string,
  channels: readonly string[],
  span: Span,
): Promise<TypedChannel[]> {
  if (channels.length === 0) return [];
  const { signal } = databases;
  const probing = { name: `fairlead/types/${ship}`, purpose: 'probe', signal } as const;
  const formats = await withConnection(databases.source, probing, (client) =>
    probeFormats(client, databases, ship, channels, span),
  );
  return channels.flatMap((channel) => {
    const type =
      databases.channelTypes.get(channel) ?? columnTypeOf(formats.get(channel) ?? new Map());
    return type === undefined ? [] : [{ channel, type }];
  });
}

/** By channel, how many probes met which value format. */
export async function probeFormats(
  client: ClientBase,
  { sourceTable }: MigrationDatabases,
  ship: string,
  channels: readonly string[],
  { fromUs, toUs }: Span,
): Promise<Map<string, Map<string, number>>> {
  const instants = Array.from({ length: PROBES }, (_, probe) =>
    Math.floor(fromUs + ((toUs - fromUs) * probe) / PROBES),
  );
  const { rows } = await client.query(
    `select channel.id, cell.value_format as format, count(*)::int as probes
       from unnest($2::text[]) as channel (id)
      cross join unnest($3::timestamp[]) as probe (instant)
      cross join lateral (
        select value_format from ${quoteTable(sourceTable)}
         where ship_id = $1 and data_channel_id = channel.id and created_time >= probe.instant and created_time < $4
         order by created_time limit 1) as cell
      where cell.value_format is not null
      group by 1, 2`,
    [ship, channels, instants.map(timestampText), timestampText(toUs)],
  );
  const formats = new Map<string, Map<string, number>>();
  for (const { id, format, probes } of rows) {
    formats.set(id, (formats.get(id) ?? new Map<string, number>()).set(format, probes));
  }
  return formats;
}
