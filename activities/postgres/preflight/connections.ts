import { escapeIdentifier } from 'pg';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { look, type Deadline, type Side } from './look.ts';

export interface ConnectionNeeds {
  /** What one worker opens to this database at most. */
  poolSize: number;
  /** Both roles of ours are in the same database, with a pool each. */
  isShared: boolean;
  chunksInFlight: number;
}

/** For commands that a person types beside the worker. */
const COMMANDS = 2;
/** A chunk reads by two connections and writes by one. */
const PER_CHUNK = 2;

interface Limit {
  what: string;
  left: number;
  fix: (missing: number) => string;
}

/** Connections that are left for us, and then for others. */
export async function checkConnections(
  { role, pool, facts }: Side,
  needs: ConnectionNeeds,
  deadline: Deadline,
): Promise<Check[]> {
  const { good, look: toLookAt, stop } = checksOf('connections', role);
  const row = await look(pool, deadline, async (client) => {
    const { rows } = await client.query(SELECT_CONNECTIONS);
    return rows[0];
  });
  const limits = limitsOf(row, facts.user, facts.database);
  const tightest = limits.reduce((least, limit) => (limit.left < least.left ? limit : least));
  const wanted = (needs.poolSize + COMMANDS) * (needs.isShared ? 2 : 1);
  const left = tightest.left - wanted;
  const found =
    `${tightest.left} are left of ${tightest.what} (${row.in_use} of ${row.max} in use); ` +
    `a worker takes ${wanted} at most${needs.isShared ? ', because source and target share it' : ''}`;
  const least = PER_CHUNK * (needs.isShared ? 2 : 1);
  if (tightest.left < least)
    return [stop('connections', found, tightest.fix(wanted - tightest.left))];
  if (left < Math.max(3, row.max * 0.05))
    return [
      toLookAt(
        'connections',
        `${found}: ${left < 0 ? 'it will wait for its own' : `leaves ${left} for all others`}`,
        `${tightest.fix(wanted - tightest.left)}\n-- or fewer of ours, in fairlead.toml: [worker] poolSize = ${smallerPool(tightest.left, needs)}`,
      ),
    ];
  return [good('connections', `${found}, which leaves ${left} for others`)];
}

const smallerPool = (left: number, { isShared }: ConnectionNeeds): number =>
  Math.max(2, Math.floor(left / (isShared ? 4 : 2)) - COMMANDS);

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
    what: `max_connections ${row.max}`,
    left: row.max - (row.is_superuser ? 0 : row.reserved) - row.in_use,
    fix: (missing) =>
      `alter system set max_connections = ${row.max + Math.max(10, missing)};   -- needs a restart of the server`,
  };
  if (row.is_superuser) return [whole];
  const limits = [whole];
  if (row.role_limit >= 0)
    limits.push({
      what: `role ${user}'s limit ${row.role_limit}`,
      left: row.role_limit - row.of_role,
      fix: (missing) =>
        `alter role ${escapeIdentifier(user)} connection limit ${row.role_limit + Math.max(10, missing + 5)};`,
    });
  if (row.database_limit >= 0)
    limits.push({
      what: `database ${database}'s limit ${row.database_limit}`,
      left: row.database_limit - row.of_database,
      fix: (missing) =>
        `alter database ${escapeIdentifier(database)} connection limit ${row.database_limit + Math.max(10, missing + 5)};`,
    });
  return limits;
}
