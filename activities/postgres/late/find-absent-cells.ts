import type { PoolClient } from 'pg';
import { parseInstant, type EpochUs } from '../../../domain/time.ts';
import { isNull, POSTGRES_EPOCH_US, type CopyBuffer } from '../copy-binary.ts';
import { timestampText, type ChunkKey } from '../ledger.ts';
import { readWide, type CatalogColumn } from '../read-wide.ts';
import type { NewCell } from './read-new-cells.ts';
import { ledgerOf } from '../ledger-schema.ts';

export type WideTables = Map<string, CatalogColumn[]>;

export interface Presence {
  absent: NewCell[];
  quarantined: number;
}

const cellKey = (channel: string, us: EpochUs): string => `${us} ${channel}`;

/**
 * Which cells of one chunk are not in the target. A cell with no value is there when its instant has a row.
 *
 * @param scratch is emptied row by row
 */
export async function findAbsentCells(
  client: PoolClient,
  ship: string,
  tables: WideTables,
  cells: readonly NewCell[],
  scratch: CopyBuffer,
): Promise<Presence> {
  const instants = new Set(cells.map(({ us }) => us));
  const key = { ship, fromUs: Math.min(...instants), toUs: Math.max(...instants) + 1 };
  const channels = new Set(cells.map(({ channel }) => channel));
  const kept = await listQuarantined(client, key, channels);
  const found = new Set<string>();
  for (const [table, all] of tables) {
    const columns = all.filter(({ channel }) => channels.has(channel));
    if (columns.length === 0) continue;
    await readWide(client, table, columns, key, scratch, (pgUs, fields) => {
      const us = pgUs + POSTGRES_EPOCH_US;
      if (!instants.has(us)) return;
      columns.forEach(({ channel }, index) => {
        const what = isNull(scratch, fields[index]!) ? 'null' : 'value';
        found.add(`${what} ${cellKey(channel, us)}`);
      });
    });
  }
  const known = new Set([...tables.values()].flat().map(({ channel }) => channel));
  const isThere = ({ channel, us, hasValue }: NewCell) =>
    found.has(`value ${cellKey(channel, us)}`) ||
    kept.has(cellKey(channel, us)) ||
    (!hasValue && (!known.has(channel) || found.has(`null ${cellKey(channel, us)}`)));
  const quarantined = cells.filter(({ channel, us }) => kept.has(cellKey(channel, us))).length;
  return { absent: cells.filter((cell) => !isThere(cell)), quarantined };
}

async function listQuarantined(
  client: PoolClient,
  { ship, fromUs, toUs }: ChunkKey,
  channels: ReadonlySet<string>,
): Promise<Set<string>> {
  const { rows } = await client.query(
    `select data_channel_id as channel, created_time::text as at
       from ${ledgerOf(client)}.quarantine
      where ship_id = $1 and created_time >= $2 and created_time < $3 and data_channel_id = any ($4::text[])`,
    [ship, timestampText(fromUs), timestampText(toUs), [...channels]],
  );
  return new Set(rows.map(({ channel, at }) => cellKey(channel, parseInstant(at))));
}
