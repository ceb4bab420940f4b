import type { Pool } from 'pg';
import type { FairleadError } from '../../domain/errors.ts';
import type { WatchedConnection } from './connection.ts';
import { askOnSecondConnection } from './second-connection.ts';
import type { Session } from './session-settings.ts';

/** What a server says of the backends that work for us. */
export type Sight =
  | {
      path: 'alive';
      /** One of them works, and waits neither for us nor for a lock. */
      isWorking: boolean;
      /** Bytes and rows that their COPYs have moved; comparable only with what was told before. */
      copied: string;
    }
  | { path: 'dead'; why: string };

type Backend = { session: Session; pool: Pool };

/** `track_activities` may be off: then only what is waited for tells. */
const WORKING = `a.state in ('active', 'disabled') and coalesce(a.wait_event_type, '') not in ('Client', 'Lock')`;

const question = (copied: string, join: string) => `
  select coalesce(bool_or(${WORKING}), false) as working, ${copied} as copied
    from unnest($1::int[], $2::timestamptz[]) as ours (pid, started)
    join pg_stat_activity a using (pid) ${join}
   where a.backend_start = coalesce(ours.started, a.backend_start)`;

const QUESTION = question(
  'coalesce(sum(c.bytes_processed + c.tuples_processed), 0)::text',
  'left join pg_stat_progress_copy c using (pid)',
);
/** Before version 14 a COPY tells nothing of its progress. */
const QUESTION_TO_13 = question("'0'", '');

/**
 * Asks the server, on a connection of its own, what the backends of these connections do.
 *
 * @param withinMs after so long without an answer, the path counts as dead
 */
export async function lookAtServer(
  connections: Iterable<WatchedConnection>,
  withinMs: number,
): Promise<Sight> {
  const backends = [...connections].flatMap(({ session, pool }) =>
    session ? [{ session, pool }] : [],
  );
  const [first] = backends;
  if (!first) return { path: 'alive', isWorking: false, copied: '0' };
  try {
    return await ask(
      backends.filter(({ pool }) => pool === first.pool),
      withinMs,
    );
  } catch (error) {
    const { code, message } = error as FairleadError;
    if (code === 'connection-lost') return { path: 'dead', why: message };
    // No room for a question is no sign against the work; `statement_timeout` bounds it.
    return { path: 'alive', isWorking: code === 'database-busy', copied: '0' };
  }
}

async function ask(backends: readonly Backend[], withinMs: number): Promise<Sight> {
  const { pool, session } = backends[0]!;
  const text = session.serverVersion < 140_000 ? QUESTION_TO_13 : QUESTION;
  const [row] = await askOnSecondConnection(pool, withinMs, text, [
    backends.map((backend) => backend.session.pid),
    backends.map((backend) => backend.session.startedAt ?? null),
  ]);
  const { working, copied } = row as { working: boolean; copied: string };
  return { path: 'alive', isWorking: working, copied };
}
