import type { ClientBase } from 'pg';
import { parseInstant, type EpochUs } from '../../domain/time.ts';
import { BEYOND_US, firstInstant, hasProbeIndex, listChannels } from './channel-probes.ts';
import { withConnection } from './connection.ts';
import { ledgerOf } from './ledger-schema.ts';
import { timestampText } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import { resolveTables } from './read-wide.ts';
import { quoteWideTable } from './wide-table.ts';

/**
 * How long from `fromUs` on neither the source nor the target has anything of a ship: no cell, no row of a wide table, nothing
 * in quarantine. One descent of an index for each channel and each table, however long that is.
 *
 * @returns `fromUs` where the source has no index for these probes
 */
export async function silentUntil(
  { source, sourceTable, target }: MigrationDatabases,
  ship: string,
  fromUs: EpochUs,
  signal: AbortSignal,
): Promise<EpochUs> {
  const options = { name: `fairlead/verify/${ship}`, purpose: 'probe', signal } as const;
  const inSource = await withConnection(source, options, async (client) => {
    if (!(await hasProbeIndex(client, sourceTable))) return fromUs;
    const channels = await listChannels(client, sourceTable, ship);
    return firstInstant(client, sourceTable, ship, channels, fromUs);
  });
  if (inSource === fromUs) return fromUs;
  const inTarget = await withConnection(target, options, (client) =>
    firstInTarget(client, ship, fromUs),
  );
  return Math.min(inSource ?? BEYOND_US, inTarget ?? BEYOND_US);
}

async function firstInTarget(
  client: ClientBase,
  ship: string,
  fromUs: EpochUs,
): Promise<EpochUs | undefined> {
  const tables = [...(await resolveTables(client, ship)).keys()];
  const probes = [
    `select min(created_time) as first from ${ledgerOf(client)}.quarantine where ship_id = $1 and created_time >= $2`,
    ...tables.map(
      (table) => `select min(created_time) from ${quoteWideTable(table)} where created_time >= $2`,
    ),
  ];
  const { rows } = await client.query(
    `select min(first)::text as first from (${probes.join(' union all ')}) as probe where first < $3`,
    [ship, timestampText(fromUs), timestampText(BEYOND_US)],
  );
  return rows[0].first === null ? undefined : parseInstant(rows[0].first);
}
