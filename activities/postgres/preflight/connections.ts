import { escapeIdentifier } from 'pg';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { look, type Deadline, type Side } from './look.ts';

export interface ConnectionNeeds {
  /** What one worker opens to each database at most. */
  poolSize: number;
  /** What source and target have in common: then both pools come out of it. */
  shared: Record<Sharing, boolean>;
}

type Sharing = 'server' | 'role' | 'database';

/** For commands that a person types beside the worker. */
const COMMANDS = 2;
/** A chunk reads by two connections and writes by one. */
const LEAST = 2;

interface Limit {
  of: Sharing;
  what: string;
  left: number;
  fix: (missing: number) => string;
}

/** Connections that are left for us, and then for others. */
export async function checkConnections(
  { role, pool, facts }: Side,
  { poolSize, shared }: ConnectionNeeds,
  deadline: Deadline,
): Promise<Check[]> {
  const { good, look: toLookAt, stop } = checksOf('connections', role);
  const row = await look(pool, deadline, async (client) => {
    const { rows } = await client.query(SELECT_CONNECTIONS);
    return rows[0];
  });
  const limits = limitsOf(row, facts.user, facts.database).map((limit) => {
    const pools = shared[limit.of] ? 2 : 1;
    return { ...limit, pools, wanted: (poolSize + COMMANDS) * pools };
  });
  const afterUs = ({ left, wanted }: (typeof limits)[number]) => left - wanted;
  const tightest = limits.reduce((least, limit) =>
    afterUs(limit) < afterUs(least) ? limit : least,
  );
  const { what, left, pools, wanted } = tightest;
  const forOthers = afterUs(tightest);
  const found =
    `${left} are left of ${what} (${row.in_use} of ${row.max} in use); ` +
    `a worker takes ${wanted} at most${pools === 2 ? ', because source and target share it' : ''}`;
  if (left < LEAST * pools) return [stop('connections', found, tightest.fix(-forOthers))];
  // Of a limit of our own, nobody else wants any.
  if (forOthers >= (tightest.of === 'role' ? 0 : Math.max(3, row.max * 0.05)))
    return [good('connections', `${found}, which leaves ${forOthers} for others`)];
  const fewer = Math.max(LEAST, Math.floor(left / pools / 2) - COMMANDS);
  return [
    toLookAt(
      'connections',
      `${found}: ${forOthers < 0 ? 'it will wait for its own' : `leaves ${forOthers} for all others`}`,
      `${tightest.fix(-forOthers)}\n-- or fewer of ours, in fairlead.toml: [worker] poolSize = ${fewer}`,
    ),
  ];
}

const SELECT_CONNECTIONS = `
  select current_setting('max_connections')::int as max,
         current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0) as reserved,
         (select count(*)::int from pg_stat_activity
           where datid is not null and coalesce(backend_type, 'client backend') = 'client backend'
             and pid <> pg_backend_pid()) as in_use,
         (select count(*)::int from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()
             and coalesce(backend_type, 'client backend') = 'client backend') as of_role,
         (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
             and coalesce(backend_type, 'client backend') = 'client backend') as of_database,
         (select rolconnlimit from pg_roles where rolname = current_user) as role_limit,
         (select datconnlimit from pg_database where datname = current_database()) as database_limit,
         (select rolsuper from pg_roles where rolname = current_user) as is_superuser`;

type ConnectionRow = Record<
  'max' | 'reserved' | 'in_use' | 'of_role' | 'of_database' | 'role_limit' | 'database_limit',
  number
> & { is_superuser: boolean };

/** A superuser is bound by `max_connections` alone. */
function limitsOf(row: ConnectionRow, user: string, database: string): Limit[] {
  const whole: Limit = {
    of: 'server',
    what: `max_connections ${row.max}`,
    left: row.max - (row.is_superuser ? 0 : row.reserved) - row.in_use,
    fix: (missing) =>
      `alter system set max_connections = ${row.max + Math.max(10, missing)};   -- needs a restart of the server`,
  };
  if (row.is_superuser) return [whole];
  const limits = [whole];
  if (row.role_limit >= 0)
    limits.push({
      of: 'role',
      what: `role ${user}'s limit ${row.role_limit}`,
      left: row.role_limit - row.of_role,
      fix: (missing) =>
        `alter role ${escapeIdentifier(user)} connection limit ${row.role_limit + Math.max(10, missing + 5)};`,
    });
  if (row.database_limit >= 0)
    limits.push({
      of: 'database',
      what: `database ${database}'s limit ${row.database_limit}`,
      left: row.database_limit - row.of_database,
      fix: (missing) =>
        `alter database ${escapeIdentifier(database)} connection limit ${row.database_limit + Math.max(10, missing + 5)};`,
    });
  return limits;
}
