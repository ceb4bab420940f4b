import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { inject } from 'vitest';
import { openPool } from '../../../../activities/postgres/connection.ts';
import {
  runPreflight,
  type PreflightRequest,
} from '../../../../activities/postgres/preflight/run-preflight.ts';
import type { MigrationDatabases } from '../../../../activities/postgres/migration-databases.ts';
import { nameOfCheck, type Check, type PreflightReport } from '../../../../domain/preflight.ts';
import type { PostgresMajor } from '../../../../workers/stack/postgres-binaries.ts';
import type { TestDatabase } from '../../../database.ts';
import type { MigrationLab } from '../../../migration-databases.ts';

export interface Findings extends PreflightReport {
  /** @throws when there is none, or more than one */
  check: (name: string) => Check;
  /** Names of the checks that are not good, with their verdicts. */
  notGood: string[];
}

/** A preflight as the command runs it. */
export async function preflight(
  lab: MigrationDatabases,
  request: Partial<PreflightRequest> = {},
): Promise<Findings> {
  const report = await runPreflight(lab, {
    ships: [],
    fleet: [],
    widthMs: 7_200_000,
    poolSize: 8,
    withinMs: 50_000,
    ...request,
  });
  const names = report.checks.map(nameOfCheck);
  return {
    ...report,
    check: (name) => {
      const found = report.checks.filter((check) => nameOfCheck(check) === name);
      if (found.length === 1) return found[0]!;
      throw new Error(`${found.length} checks are called "${name}": ${names.join(', ')}`);
    },
    notGood: report.checks
      .filter(({ verdict }) => verdict !== 'good')
      .map((check) => `${check.verdict} ${nameOfCheck(check)}`),
  };
}

/**
 * Does something over connections of its own: a preflight leaves its sessions read only, and what a role's sessions
 * begin with is read when they begin.
 */
export async function anew<T>(
  lab: MigrationLab,
  work: (databases: MigrationDatabases) => Promise<T>,
  url: (url: string) => string = (own) => own,
): Promise<T> {
  const open = (role: 'source' | 'target') =>
    openPool({ url: url(lab[`${role}Database`].url), role, maxConnections: 3 });
  const [source, target] = [open('source'), open('target')];
  try {
    return await work({ ...lab, source, target });
  } finally {
    await Promise.all([source.end(), target.end()]);
  }
}

/** A role of its own on the shared server, that may log in and no more; dropped at the end, after its databases. */
export async function ownRole(major: PostgresMajor = 18) {
  const name = `preflight_${randomBytes(4).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  await onServer(major, `create role ${name} login password '${password}'`);
  return {
    name,
    url: (url: string): string => Object.assign(new URL(url), { username: name, password }).href,
    [Symbol.asyncDispose]: () => onServer(major, `drop role if exists ${name}`),
  };
}

const onServer = (major: PostgresMajor, sql: string): Promise<void> =>
  onDatabase(inject('postgresUrls')[major], sql);

/** Over a session that ends: then the server knows its statistics. */
export async function onDatabase(url: string, sql: string, values?: unknown[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql, values);
  } finally {
    await client.end();
  }
}

/** What `docs/operate.md` grants, to one role for both sides. */
export const grantAll = (database: TestDatabase, role: string) =>
  database.query(
    `grant usage, create on schema tenant to ${role};
     grant select on tenant.tbl_data_timeseries to ${role};
     grant create, temporary on database ${database.name} to ${role}`,
  );

/** A server tells its statistics when a session ends or is idle, with a delay: until they stay as they are. */
export async function settled<T>(read: () => Promise<T>): Promise<T> {
  for (let last = JSON.stringify(await read()); ;) {
    await sleep(800);
    const now = await read();
    if (JSON.stringify(now) === last) return now;
    last = JSON.stringify(now);
  }
}

/** Pastes a fix into a session of the database's owner. */
export async function paste(database: TestDatabase, { fix }: Check): Promise<void> {
  if (fix === null) throw new Error('there is nothing to paste');
  // CREATE INDEX CONCURRENTLY stands alone.
  for (const statement of fix.split(/;\s*(?:--[^\n]*)?(?:\n|$)/))
    if (statement.trim() !== '') await database.query(statement);
}

/** So many channels and instants of ships, 15 s apart; channels that no list names. */
export const fillNarrowTable = (
  { url }: Pick<TestDatabase, 'url'>,
  {
    ships = ['IMO9976903'],
    channels = 4,
    instants = 1_440,
    from = '2025-06-15',
  }: { ships?: string[]; channels?: number; instants?: number; from?: string } = {},
) =>
  onDatabase(
    url,
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select ship, '/a/' || channel, $4::timestamp + n * interval '15 s', 'Decimal', n
       from generate_series(0, $3::int - 1) n, unnest($1::text[]) ship, generate_series(1, $2::int) channel`,
    [ships, channels, instants, from],
  );
