import type { ClientBase, Pool } from 'pg';
import type { Span } from '../../domain/chunk-planning.ts';
import type { FailedRange } from '../../domain/post-proc.ts';
import { standingFailures } from '../../domain/standing-failures.ts';
import { parseInstant } from '../../domain/time.ts';
import { withConnection } from './connection.ts';
import { timestampText } from './ledger.ts';
import { ledgerOf } from './ledger-schema.ts';

export interface FailedChunk extends FailedRange {
  error: string;
}

/** The ships that the ledger knows; none when the target has no ledger yet. */
export async function listLedgerShips(target: Pool): Promise<string[]> {
  return withLedger(target, 'ships', async (client) => {
    const { rows } = await client.query(ledgerShips(client));
    return rows.map(({ ship_id: ship }) => ship as string);
  });
}

/** One descent of the key for each ship, however many chunks they have. */
const ledgerShips = (client: ClientBase): string => `
  with recursive ship (ship_id) as (
    select min(ship_id) from ${ledgerOf(client)}.chunk
    union all
    select (select min(ship_id) from ${ledgerOf(client)}.chunk where ship_id > ship.ship_id) from ship where ship_id is not null
  )
  select ship_id from ship where ship_id is not null order by 1`;

/**
 * The chunks that failed for good, oldest first; one that was proven since, or failed again in other chunks, is none.
 *
 * @param ships all of them when empty
 */
export async function listFailedChunks(
  target: Pool,
  ships: readonly string[],
): Promise<FailedChunk[]> {
  return withLedger(target, 'failed', (client) => failedChunksIn(client, ships));
}

/** {@link listFailedChunks} on a connection that is had already, where there is a ledger. */
export async function failedChunksIn(
  client: ClientBase,
  ships: readonly string[],
): Promise<FailedChunk[]> {
  const { rows } = await client.query(
    `select ship_id, from_time::text, to_time::text, error, extract(epoch from updated_at)::float8 * 1000 as failed_at
       from ${ledgerOf(client)}.chunk as failed
      where status = 'failed' and (cardinality($1::text[]) = 0 or ship_id = any ($1))
      order by ship_id, failed.from_time, failed.to_time`,
    [ships],
  );
  const failures = rows.map((row) => ({
    ...spanOf(row),
    ship: row.ship_id as string,
    error: (row.error ?? '') as string,
    failedAtMs: row.failed_at as number,
  }));
  const proven = await proofsIn(client, failures);
  return [...new Set(failures.map(({ ship }) => ship))].flatMap((ship) =>
    standingFailures(
      failures.filter((failure) => failure.ship === ship),
      proven.filter((proof) => proof.ship === ship),
    ),
  );
}

/** Which of some ranges the ledger proves, as the proofs that touch them. */
export async function listProofs(
  target: Pool,
  ranges: readonly FailedRange[],
): Promise<FailedRange[]> {
  return withLedger(target, 'proofs', (client) => proofsIn(client, ranges));
}

async function proofsIn(
  client: ClientBase,
  ranges: readonly FailedRange[],
): Promise<FailedRange[]> {
  const { rows } = await client.query(
    `select distinct on (proven.ship_id, proven.from_time, proven.to_time)
            proven.ship_id, proven.from_time::text, proven.to_time::text
       from unnest($1::text[], $2::timestamp[], $3::timestamp[]) as range (ship, f, t)
       join ${ledgerOf(client)}.chunk proven
         on proven.ship_id = range.ship and proven.status in ('done', 'empty')
        and proven.from_time < range.t and proven.to_time > range.f`,
    [
      ranges.map(({ ship }) => ship),
      ranges.map(({ fromUs }) => timestampText(fromUs)),
      ranges.map(({ toUs }) => timestampText(toUs)),
    ],
  );
  return rows.map((row) => ({ ...spanOf(row), ship: row.ship_id }));
}

const spanOf = (row: { from_time: string; to_time: string }): Span => ({
  fromUs: parseInstant(row.from_time),
  toUs: parseInstant(row.to_time),
});

async function withLedger<T>(
  target: Pool,
  name: string,
  read: (client: ClientBase) => Promise<T[]>,
): Promise<T[]> {
  return withConnection(target, { name: `fairlead/${name}` }, async (client) => {
    const { rows } = await client.query(
      `select to_regclass('${ledgerOf(client)}.chunk') is not null as found`,
    );
    return rows[0].found ? read(client) : [];
  });
}
