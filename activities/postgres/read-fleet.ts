import type { ClientBase } from 'pg';
import { findInstallation } from './fairlead-schema.ts';
import { failedChunksIn } from './list-ledger.ts';
import { ledgerOf } from './ledger-schema.ts';

/** How all ships stand by the ledger. */
export interface FleetLedger {
  chunks: { ship: string; state: string; chunks: number }[];
  cells: { ship: string; outcome: string; cells: number }[];
  /** How long the oldest chunk that was begun and is not settled is under way, of ships that migrate. */
  oldest: { ship: string; seconds: number }[];
}

export interface MigratingShip {
  ship: string;
  /** Chunks that an earlier run left behind count from here. */
  startedAt: Date;
}

/** One pass over the ledger, and one over its failures; undefined before the first migration. */
export async function readFleet(
  client: ClientBase,
  migrating: readonly MigratingShip[],
): Promise<FleetLedger | undefined> {
  if (!(await findInstallation(client))) return undefined;
  const sums = await readSums(client);
  const oldest = await readOldest(client, migrating);
  const failed = await failedChunksIn(client, []);
  const failures = (ship: string) => failed.filter((each) => each.ship === ship).length;
  const ships = [...new Set(sums.map(({ ship }) => ship))];
  return {
    chunks: [
      ...sums
        .filter(({ state }) => state !== 'failed')
        .map(({ ship, state, chunks }) => ({ ship, state, chunks })),
      ...ships.map((ship) => ({
        ship,
        state: 'failed',
        chunks: failures(ship),
      })),
    ],
    cells: sums.filter(({ state }) => state === 'done').flatMap(outcomesOf),
    oldest,
  };
}

interface LedgerSum {
  ship: string;
  state: string;
  chunks: number;
  written: number;
  nulls: number;
  quarantined: number;
}

async function readSums(client: ClientBase): Promise<LedgerSum[]> {
  const { rows } = await client.query<LedgerSum>(
    `select ship_id as ship, status as state, count(*)::float8 as chunks, sum(cells_written)::float8 as written,
            sum(cells_null)::float8 as nulls, sum(cells_quarantined)::float8 as quarantined
       from ${ledgerOf(client)}.chunk where status <> 'superseded' group by 1, 2`,
  );
  return rows;
}

const outcomesOf = ({ ship, written, nulls, quarantined }: LedgerSum) => [
  { ship, outcome: 'written', cells: written },
  { ship, outcome: 'null', cells: nulls },
  { ship, outcome: 'quarantined', cells: quarantined },
];

async function readOldest(
  client: ClientBase,
  migrating: readonly MigratingShip[],
): Promise<FleetLedger['oldest']> {
  const { rows } = await client.query<{ ship: string; seconds: number }>(
    `select ship, extract(epoch from clock_timestamp() - min(greatest(updated_at, started_at)))::float8 as seconds
       from unnest($1::text[], $2::timestamptz[]) as migrating (ship, started_at)
       join ${ledgerOf(client)}.chunk on ship_id = ship and status = 'running'
      group by 1`,
    [migrating.map(({ ship }) => ship), migrating.map(({ startedAt }) => startedAt)],
  );
  return rows.map(({ ship, seconds }) => ({ ship, seconds: Math.max(0, seconds) }));
}
