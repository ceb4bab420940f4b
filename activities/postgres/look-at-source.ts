import type { ClientBase, Pool } from 'pg';
import type { SourceHealth, SourceLimits } from '../../domain/source-allowance.ts';
import { withConnection } from './connection.ts';
import { SLOT_CLASS } from './source-slots.ts';

/** Of so many round trips the quickest counts: a pause of this process is none of the source's. */
const ROUND_TRIPS = 3;

/** A role without `pg_monitor` is shown neither what others do nor how far replicas are. */
const IS_HIDDEN = `query = '<insufficient privilege>' and usesysid is not null`;

const ACTIVE = `
  select count(*) filter (where state = 'active' and backend_type = 'client backend'
                            and application_name not like 'fairlead/%')::int as found,
         bool_or(${IS_HIDDEN}) as hidden
    from pg_stat_activity`;

/** A standby that has replayed all that it received is not behind, however long ago that was. */
const REPLICATION_LAG = `
  select 1000 * extract(epoch from case
           when not pg_is_in_recovery() then (select max(replay_lag) from pg_stat_replication)
           when pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()
             then clock_timestamp() - pg_last_xact_replay_timestamp() end)::float8 as found,
         exists (select from pg_stat_replication where state is null) as hidden`;

/** Also those of other installations and of other workers. */
const IN_FLIGHT = `
  select count(*)::int as found from pg_locks
   where locktype = 'advisory' and classid = ${SLOT_CLASS} and objsubid = 2 and granted
     and database = (select oid from pg_database where datname = current_database())`;

/** What of the source's health could not be seen, and why. */
export interface Unseen {
  limit: 'maxActive' | 'maxReplicationLag';
  why: string;
}

export interface SourceLook {
  health: SourceHealth;
  unseen: Unseen[];
}

/**
 * Looks how the source does, in a few statements that read no table. Only what is limited is asked for.
 *
 * @throws {FairleadError} when the source does not answer
 */
export function lookAtSource(
  source: Pool,
  limits: SourceLimits,
  signal: AbortSignal,
): Promise<SourceLook> {
  const use = { name: 'fairlead/health', purpose: 'preflight', signal } as const;
  return withConnection(source, use, async (client) => {
    const unseen: Unseen[] = [];
    const ask = async (limit: Unseen['limit'], statement: string) => {
      const { found, why } = await find(client, statement);
      if (why !== undefined) unseen.push({ limit, why });
      return found;
    };
    const { maxActive, maxReplicationLagMs } = limits;
    const latencyMs = await quickestRoundTrip(client);
    const active = maxActive === undefined ? undefined : await ask('maxActive', ACTIVE);
    const replicationLagMs =
      maxReplicationLagMs === undefined
        ? undefined
        : await ask('maxReplicationLag', REPLICATION_LAG);
    const inFlight = (await find(client, IN_FLIGHT)).found ?? 0;
    return { health: { latencyMs, active, replicationLagMs, inFlight }, unseen };
  });
}

async function quickestRoundTrip(client: ClientBase): Promise<number> {
  let quickestMs = Infinity;
  for (let trip = 0; trip < ROUND_TRIPS; trip++) {
    const askedAt = performance.now();
    await client.query('select');
    quickestMs = Math.min(quickestMs, performance.now() - askedAt);
  }
  return quickestMs;
}

/** A platform that does not know a function is no reason to see nothing at all. */
async function find(
  client: ClientBase,
  statement: string,
): Promise<{ found?: number; why?: string }> {
  try {
    const { rows } = await client.query<{ found: number | null; hidden?: boolean }>(statement);
    const { found, hidden } = rows[0]!;
    const why = 'the role sees no details of other roles: grant pg_monitor to it';
    return { ...(found !== null && { found }), ...(hidden && { why }) };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === undefined || /^(08|57)/.test(code)) throw error;
    return { why: message };
  }
}
