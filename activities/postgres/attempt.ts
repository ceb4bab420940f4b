import type { ClientBase, Pool } from 'pg';
import { columnSeed } from '../../domain/cell-hash.ts';
import type { ChunkKey } from './ledger.ts';
import { installationOf } from './ledger-schema.ts';

/** `application_name` of an attempt, within its 63 bytes: it tells whose backend this is. */
export function attemptName(database: Pool | ClientBase, key: ChunkKey, token: number): string {
  return `${attemptPrefix(database, key)}${token}`;
}

function attemptPrefix(database: Pool | ClientBase, { ship, fromUs, toUs }: ChunkKey): string {
  const label = shipLabel(ship, installationOf(database));
  return `fairlead/${label}/${fromUs.toString(36)}-${toUs.toString(36)}/`;
}

/**
 * The ship as far as an application name can bear it, and different for every ship of every installation: attempts end
 * each other by it.
 */
function shipLabel(ship: string, installation: string | undefined): string {
  const printable = ship.replace(/[^\x20-\x7e]/g, '?');
  if (printable === ship && ship.length <= 24 && installation === undefined) return ship;
  const { first } = columnSeed(ship, installation === undefined ? 'ship' : `ship ${installation}`);
  return `${printable.slice(0, 16)}~${(first >>> 0).toString(36)}`;
}

/**
 * A worker that lost its network would hold the chunk's locks until the server notices. An idle backend holds none:
 * it lies in a pool, still with the name of its last work, and may be taken up by someone at this moment.
 */
export async function endOlderAttempts(client: ClientBase, key: ChunkKey): Promise<void> {
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where starts_with(application_name, $1) and pid <> pg_backend_pid() and datname = current_database()
        and usename = current_user and state <> 'idle'`,
    [attemptPrefix(client, key)],
  );
}
