import type { ClientBase } from 'pg';
import { columnSeed } from '../../domain/cell-hash.ts';
import type { ChunkKey } from './ledger.ts';

/** `application_name` of an attempt, within its 63 bytes: it tells whose backend this is. */
export function attemptName(key: ChunkKey, token: number): string {
  return `${attemptPrefix(key)}${token}`;
}

function attemptPrefix({ ship, fromUs, toUs }: ChunkKey): string {
  return `fairlead/${shipLabel(ship)}/${fromUs.toString(36)}-${toUs.toString(36)}/`;
}

/** The ship as far as an application name can bear it, and different for every ship: attempts end each other by it. */
function shipLabel(ship: string): string {
  const printable = ship.replace(/[^\x20-\x7e]/g, '?');
  if (printable === ship && ship.length <= 24) return ship;
  return `${printable.slice(0, 16)}~${(columnSeed(ship, 'ship').first >>> 0).toString(36)}`;
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
    [attemptPrefix(key)],
  );
}
