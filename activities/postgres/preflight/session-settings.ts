import type { PoolClient } from 'pg';
import { withConnection } from '../connection.ts';
import { OutOfTime, STATEMENT_MS, type Deadline, type Side } from './look.ts';

/** One setting, as `pg_settings` has it; times in milliseconds. */
export interface SettingValue {
  text: string;
  /** NaN where it is no time. */
  ms: number;
  /** `session` where Fairlead set it; `default`, `configuration file`, `database`, `user`, `database user`, … */
  source: string;
  /** Where the source is a file, and the role may see it. */
  file: string | undefined;
}

export interface SessionSetting {
  name: string;
  /** In a session as Fairlead sets it up. */
  inForce: SettingValue;
  /** What would hold if Fairlead set nothing. */
  without: SettingValue;
  /** The line of `pg_db_role_setting` that `without` comes from. */
  statement: string | undefined;
}

/** All that can end or hold up a session. */
const NAMES = [
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'transaction_timeout',
  'idle_session_timeout',
  'client_connection_check_interval',
  'tcp_keepalives_idle',
  'tcp_keepalives_interval',
  'tcp_keepalives_count',
  'tcp_user_timeout',
];

const SELECT_SETTINGS = `
  select name, setting, unit, source, sourcefile, sourceline,
         case unit when 'ms' then 1 when 's' then 1000 when 'min' then 60000 end as unit_ms
    from pg_settings where name = any($1)`;

/**
 * Reads what the server accepted of the session that Fairlead asks for, and what would hold without; the server says
 * so itself when a setting is put back to its default. Settings that this version does not have are left out.
 */
export async function readSessionSettings(
  { role, pool }: Side,
  deadline: Deadline,
): Promise<Map<string, SessionSetting>> {
  const ms = deadline.share(STATEMENT_MS);
  const signal = AbortSignal.timeout(ms);
  try {
    // As the connections that cells pass through, whose limits may be others than those of bookkeeping.
    const use = {
      name: 'fairlead/preflight',
      signal,
      purpose: role === 'source' ? 'read' : 'write',
    } as const;
    return await withConnection(pool, use, async (client) => {
      const inForce = await readSettings(client);
      await client.query('begin read only');
      for (const name of inForce.keys()) await client.query(`set local ${name} to default`);
      const without = await readSettings(client);
      const statements = await readStatements(client);
      await client.query('rollback');
      return new Map(
        [...inForce].map(([name, value]) => [
          name,
          {
            name,
            inForce: value,
            without: without.get(name)!,
            statement: statements.get(`${name.toLowerCase()} ${without.get(name)!.source}`),
          },
        ]),
      );
    });
  } catch (error) {
    throw signal.aborted ? new OutOfTime(ms, { cause: error }) : error;
  }
}

async function readSettings(client: PoolClient): Promise<Map<string, SettingValue>> {
  const { rows } = await client.query(SELECT_SETTINGS, [NAMES]);
  const values = rows.map((row): [string, SettingValue] => [
    row.name,
    {
      text: row.setting,
      ms: row.unit_ms === null ? Number.NaN : Number(row.setting) * row.unit_ms,
      source: row.source,
      file: row.sourcefile === null ? undefined : `${row.sourcefile}:${row.sourceline}`,
    },
  ]);
  const order = ([name]: [string, unknown]) => NAMES.indexOf(name);
  return new Map(values.toSorted((a, b) => order(a) - order(b)));
}

/** The settings of this role and this database, as the statements that made them, by name and source. */
async function readStatements(client: PoolClient): Promise<Map<string, string>> {
  return new Map(
    (await readRoleSettings(client)).map(({ name, value, source, subject }) => [
      `${name} ${source}`,
      `${subject} set ${name} = '${value}'`,
    ]),
  );
}

/** A setting that a session of this role in this database begins with. */
export interface RoleSetting {
  /** In lower case. */
  name: string;
  value: string;
  /** As `pg_settings.source` has it. */
  source: string;
  /** `alter database …` or `alter role …`, which `set` or `reset` goes on from. */
  subject: string;
  /** Whether this role may do so: to itself, to a database that it owns, and as superuser to all. */
  mayChange: boolean;
}

export async function readRoleSettings(client: PoolClient): Promise<RoleSetting[]> {
  const { rows } = await client.query<RoleSetting>(
    `select lower(split_part(entry, '=', 1)) as name, substr(entry, strpos(entry, '=') + 1) as value,
            case when s.setrole = 0 and s.setdatabase = 0 then 'global'
                 when s.setrole = 0 then 'database' when s.setdatabase = 0 then 'user' else 'database user' end as source,
            case when s.setrole = 0 and s.setdatabase <> 0 then format('alter database %I', d.datname)
                 else 'alter role ' || case when s.setrole = 0 then 'all' else quote_ident(r.rolname) end
                      || case when s.setdatabase <> 0 then format(' in database %I', d.datname) else '' end end as subject,
            case when s.setrole <> 0 then true
                 when s.setdatabase <> 0 then pg_has_role(d.datdba, 'usage')
                 else current_setting('is_superuser') = 'on' end as "mayChange"
       from pg_db_role_setting s
       left join pg_roles r on r.oid = s.setrole
       left join pg_database d on d.oid = s.setdatabase
      cross join unnest(s.setconfig) as entry
      where (s.setrole = 0 or r.rolname = current_user) and (s.setdatabase = 0 or d.datname = current_database())`,
  );
  return rows;
}
