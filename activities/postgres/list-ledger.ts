import type { ClientBase, Pool } from 'pg';
import type { InstantRange } from '../../domain/migration.ts';
import { withConnection } from './connection.ts';

export interface FailedChunk extends InstantRange {
  ship: string;
  error: string;
}

/** The ships that the ledger knows; none when the target has no ledger yet. */
export async function listLedgerShips(target: Pool): Promise<string[]> {
  return withLedger(target, 'ships', async (client) => {
    const { rows } = await client.query('select distinct ship_id from fairlead.chunk order by 1');
    return rows.map(({ ship_id: ship }) => ship as string);
  });
}

/**
 * The chunks that failed for good, oldest first; one that was proven since, in chunks of another width, is none.
 *
 * @param ships all of them when empty
 * @returns instants as PostgreSQL shows them, with six decimals
 */
export async function listFailedChunks(
  target: Pool,
  ships: readonly string[],
): Promise<FailedChunk[]> {
  return withLedger(target, 'failed', async (client) => {
    const { rows } = await client.query(
      `select ship_id, to_char(from_time, 'YYYY-MM-DD HH24:MI:SS.US') as from_time,
              to_char(to_time, 'YYYY-MM-DD HH24:MI:SS.US') as to_time, error
         from fairlead.chunk failed
        where status = 'failed' and (cardinality($1::text[]) = 0 or ship_id = any ($1))
          and to_time - from_time > (
            select coalesce(sum(least(proven.to_time, failed.to_time) - greatest(proven.from_time, failed.from_time)), interval '0')
              from fairlead.chunk proven
             where proven.ship_id = failed.ship_id and proven.status in ('done', 'empty')
               and proven.from_time < failed.to_time and proven.to_time > failed.from_time)
        order by ship_id, from_time`,
      [ships],
    );
    return rows.map((row) => ({
      ship: row.ship_id,
      from: row.from_time,
      to: row.to_time,
      error: row.error ?? '',
    }));
  });
}

async function withLedger<T>(
  target: Pool,
  name: string,
  read: (client: ClientBase) => Promise<T[]>,
): Promise<T[]> {
  return withConnection(target, { name: `fairlead/${name}` }, async (client) => {
    const { rows } = await client.query(
      `select to_regclass('fairlead.chunk') is not null as found`,
    );
    return rows[0].found ? read(client) : [];
  });
}
