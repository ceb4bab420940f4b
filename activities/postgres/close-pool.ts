import type { Pool } from 'pg';
import { cancelsSettled } from './cancel-backend.ts';
import { socketsOf } from './open-pool.ts';

/** Work that is still under way then has nobody to report to. */
const CLOSE_WITHIN_MS = 2_000;

/** Ends a pool; a connection that is still in use after 2 s, or on a path that is dead, is cut. */
export async function closePool(pool: Pool): Promise<void> {
  const cut = setTimeout(() => {
    for (const socket of socketsOf(pool)) socket.destroy();
  }, CLOSE_WITHIN_MS);
  await pool.end().finally(() => clearTimeout(cut));
  await cancelsSettled(pool);
}
