import { tmpdir } from 'node:os';
import { Client, type Pool } from 'pg';
import { generateFleet } from '../activities/postgres/generate-fleet.ts';
import { openPool } from '../activities/postgres/connection.ts';
import {
  CopyBuffers,
  type MigrationDatabases,
} from '../activities/postgres/migration-databases.ts';
import { SourceSlots } from '../activities/postgres/source-slots.ts';
import { fillOwnTable } from '../activities/postgres/narrow-table.ts';
import { parseInstant } from '../domain/time.ts';
import { loadConfiguration } from '../workers/configuration.ts';

export const SOURCE_TABLE = { schema: 'tenant', name: 'tbl_data_timeseries' };
export const FLEET_START = '2025-06-15T00:00:00.000Z';
const SEED = 1;

export interface BenchDatabase extends AsyncDisposable {
  url: string;
  databases: MigrationDatabases;
  pool: Pool;
}

/** A database of its own that holds a made-up fleet, as source and target. */
export async function openBenchDatabase(
  serverUrl: string,
  name: string,
  fleet: { ships: number; hours: number },
): Promise<BenchDatabase> {
  const url = new URL(serverUrl);
  await createDatabase(url.href, name);
  url.pathname = `/${name}`;
  const { channelGroups, migration } = loadConfiguration({ folder: tmpdir(), environment: {} });
  const groups = channelGroups.map((group) => ({ ...group, channels: new Set(group.channels) }));
  await fill(
    url.href,
    fleet,
    channelGroups.flatMap(({ channels }) => channels),
  );
  const pool = openPool({ url: url.href, role: 'source', maxConnections: 16 });
  const databases = {
    source: pool,
    sourceTable: SOURCE_TABLE,
    target: pool,
    targetTemplate: 'tenant.tbl_data_timeseries_{ship}_{group}',
    groups,
    channelTypes: new Map(),
    buffers: new CopyBuffers(migration.maxBufferBytes),
    sourceSlots: new SourceSlots(16),
    stallMs: 60_000,
  };
  return { url: url.href, databases, pool, [Symbol.asyncDispose]: () => pool.end() };
}

async function createDatabase(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, async (client) => {
    const { rows } = await client.query('select from pg_database where datname = $1', [name]);
    if (rows.length === 0) await client.query(`create database ${name}`);
  });
}

/** Finds its data again when an earlier run has made it. */
async function fill(
  url: string,
  { ships, hours }: { ships: number; hours: number },
  channels: string[],
): Promise<void> {
  await withClient(url, async (client) => {
    const request = { ships, hours, channels, fromUs: parseInstant(FLEET_START), seed: SEED };
    await client.query('begin');
    const { generated } = await fillOwnTable(client, SOURCE_TABLE, (freeze) =>
      generateFleet(client, SOURCE_TABLE, { ...request, freeze }),
    );
    await client.query('commit');
    if (generated > 0) await client.query('vacuum analyze tenant.tbl_data_timeseries');
  });
}

async function withClient(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
