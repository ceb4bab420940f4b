import type { ClientBase, PoolClient } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import { inTransaction } from './connection.ts';
import { installationOf, ledgerOf, ledgerSchemaOf } from './ledger-schema.ts';

/** Each entry brings the schema from the version before to its own; never changed once released, only added to. */
const MIGRATIONS: readonly ((ledger: string) => string)[] = [
  (ledger) => `
  create schema if not exists ${ledger};

  create table ${ledger}.installation (
    id      text not null,
    version integer not null
  );

  create table ${ledger}.channel_map (
    ship_id         text not null,
    data_channel_id text not null,
    channel_group   integer not null,
    table_name      text not null,
    column_name     text not null,
    column_type     text not null,
    primary key (ship_id, data_channel_id),
    unique (table_name, column_name)
  );

  create table ${ledger}.chunk (
    ship_id           text not null,
    from_time         timestamp not null,
    to_time           timestamp not null,
    status            text not null
                      check (status in ('running', 'done', 'empty', 'failed', 'split', 'superseded')),
    attempts          integer not null,
    cells_read        bigint not null default 0,
    cells_written     bigint not null default 0,
    cells_null        bigint not null default 0,
    cells_quarantined bigint not null default 0,
    cells_foreign     bigint not null default 0,
    instants          bigint not null default 0,
    checksum          text,
    seconds           double precision,
    error             text,
    parent_from       timestamp,
    parent_to         timestamp,
    committed_at      timestamptz,
    updated_at        timestamptz not null default clock_timestamp(),
    primary key (ship_id, from_time, to_time),
    check (from_time < to_time),
    check (status <> 'done' or cells_read = cells_written + cells_null + cells_quarantined)
  );

  create table ${ledger}.quarantine (
    ship_id         text not null,
    data_channel_id text not null,
    created_time    timestamp not null,
    reason          text not null,
    value_format    text,
    bool_v          boolean,
    str_v           text,
    long_v          bigint,
    double_v        double precision
  );
  create index on ${ledger}.quarantine (ship_id, created_time);

  insert into ${ledger}.installation (id, version) values (gen_random_uuid()::text, 0);
  `,
  (ledger) => `
  create table ${ledger}.late_mark (
    ship_id    text primary key,
    position   jsonb not null,
    noted_at   timestamptz not null,
    settled_at timestamptz,
    migration  timestamptz,
    rounds     integer not null default 0,
    found      bigint not null default 0,
    outcome    text
  );
  `,
];

/** One key for everything that changes a schema of ours, over all processes and installations. */
const SCHEMA_LOCK = "hashtextextended('fairlead schema', 0)";

/**
 * Brings the installation's schema in the target up to date, and gives the id that it bears.
 *
 * @throws {FairleadError} when the schema is newer than this release
 */
export async function prepareSchema(client: PoolClient): Promise<string> {
  const found = await findInstallation(client);
  if (found?.version === MIGRATIONS.length) return found.id;
  return inTransaction(client, async () => {
    await client.query(`select pg_advisory_xact_lock(${SCHEMA_LOCK})`);
    const version = (await findInstallation(client))?.version ?? 0;
    if (version > MIGRATIONS.length) throw newerSchema(version, ledgerOf(client));
    const ledger = ledgerOf(client);
    for (const migration of MIGRATIONS.slice(version)) await client.query(migration(ledger));
    await client.query(`update ${ledger}.installation set version = $1`, [MIGRATIONS.length]);
    return (await findInstallation(client))!.id;
  });
}

/** What the installation's schema in the target bears; undefined before its first migration. */
export async function findInstallation(
  client: ClientBase,
): Promise<{ id: string; version: number } | undefined> {
  // Not by to_regclass, which may answer from a cache that knows nothing of what another session has just made.
  const { rows } = await client.query(
    `select exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                     where n.nspname = $1 and c.relname = 'installation') as present`,
    [ledgerSchemaOf(installationOf(client))],
  );
  if (!rows[0].present) return undefined;
  const found = await client.query(`select id, version from ${ledgerOf(client)}.installation`);
  return found.rows[0];
}

/**
 * Refuses a target that is not the one the plan was made for.
 *
 * @throws {FairleadError} `installation-differs`
 */
export async function requireInstallation(client: ClientBase, installation: string): Promise<void> {
  const found = await findInstallation(client);
  if (found?.id === installation) return;
  throw new FairleadError(
    'installation-differs',
    `this worker's target is installation ${found?.id ?? 'none'}, the migration was planned for ${installation}`,
    {
      hint: 'Point FAIRLEAD_TARGET_URL of this worker at the database that the migration began with.',
    },
  );
}

const newerSchema = (version: number, ledger: string) =>
  new FairleadError(
    'installation-differs',
    `schema ${ledger} has version ${version}, this release knows ${MIGRATIONS.length}`,
    { hint: 'Use the newer release of Fairlead that made it.' },
  );
