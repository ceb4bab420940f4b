import type { Pool } from 'pg';
import { askOnSecondConnection } from './second-connection.ts';
import type { Session } from './session-settings.ts';

const CANCEL_WITHIN_MS = 2_000;

/** A backend by what tells it from any other, also from one that got its id later, or works for someone else by now. */
interface Orphan {
  pid: number;
  startedAt: string;
  name: string;
}

/** In one statement: what is compared is what is cancelled. */
const CANCEL = `
  select pg_cancel_backend(pid)
    from unnest($1::int[], $2::timestamptz[], $3::text[]) as orphan (pid, started, name)
    join pg_stat_activity using (pid)
   where backend_start = orphan.started and application_name = orphan.name and state <> 'idle'`;

const waiting = new WeakMap<Pool, Orphan[]>();
const underWay = new WeakMap<Pool, Set<Promise<void>>>();

/**
 * Cancels what a backend is at, from a second connection, because ours is being given up: nobody waits for the result
 * any more. Takes 2 s at most, during which nobody is kept waiting; where it fails, the server finds out by
 * `client_connection_check_interval`.
 *
 * Those of one pool that are asked for at once share that connection.
 *
 * @param name the `application_name` under which the backend worked for us
 */
export function cancelBackend(pool: Pool, session: Session, name: string): void {
  if (session.startedAt === undefined) return;
  const orphan = { pid: session.pid, startedAt: session.startedAt, name };
  const others = waiting.get(pool);
  if (others) return void others.push(orphan);
  waiting.set(pool, [orphan]);
  setImmediate(() => {
    const orphans = waiting.get(pool) ?? [];
    waiting.delete(pool);
    track(pool, cancelNow(pool, orphans));
  });
}

/** Resolves when no cancel of a pool is under way any more. */
export async function cancelsSettled(pool: Pool): Promise<void> {
  while (waiting.has(pool)) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(Array.from(underWay.get(pool) ?? []));
}

async function cancelNow(pool: Pool, orphans: readonly Orphan[]): Promise<void> {
  const columns = [
    orphans.map(({ pid }) => pid),
    orphans.map(({ startedAt }) => startedAt),
    orphans.map(({ name }) => name),
  ];
  try {
    await askOnSecondConnection(pool, CANCEL_WITHIN_MS, CANCEL, columns);
  } catch {
    // No rights, no room, or no server: it is left to the server to notice.
  }
}

function track(pool: Pool, cancelling: Promise<void>): void {
  const all = underWay.get(pool) ?? new Set();
  underWay.set(pool, all.add(cancelling));
  void cancelling.finally(() => all.delete(cancelling));
}
