import { join } from 'node:path';
import { Pool } from 'pg';
import { packageRoot } from '../../../workers/configuration/package-root.ts';
import type { TestDatabase } from '../../database.ts';
import { narrowTableSql } from '../../narrow-table.ts';
import { openDistantHost, type DistantHost } from '../../network-namespace.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { startJsonProcess } from '../sensor/json-process.ts';
import type { Started } from './distant-postgres-process.ts';

const PROCESS = join(packageRoot, 'dist/test/activities/postgres/distant-postgres-process.js');

export interface DistantPostgres extends AsyncDisposable {
  host: DistantHost;
  /** With the narrow table, empty. Its URL goes over the network; who queries it here comes by another way. */
  createDatabase(name: string): Promise<TestDatabase>;
}

/** A PostgreSQL of its own on a made-up host, the way to which can be made to drop every packet. */
export async function startDistantPostgres(): Promise<DistantPostgres> {
  const folder = await temporaryFolder();
  const host = await openDistantHost();
  const server = startJsonProcess<Started>([...host.on, process.execPath, PROCESS, folder.path]);
  const close = async () => {
    await server.end();
    await host[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    const started = await server.waitFor('started');
    return {
      host,
      createDatabase: (name) => createDatabase(name, started, host.address),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function createDatabase(
  name: string,
  { url, socketFolder }: Started,
  address: string,
): Promise<TestDatabase> {
  const locally = (database: string) => {
    const { username, password, port } = new URL(url);
    const config = { host: socketFolder, port: Number(port), user: username, password, database };
    const pool = new Pool({ ...config, max: 4 });
    pool.on('error', () => undefined);
    return pool;
  };
  const maker = locally('postgres');
  await maker.query(`create database ${name}`);
  await maker.end();
  const pool = locally(name);
  await pool.query(narrowTableSql);
  const distant = new URL(url);
  distant.hostname = address;
  distant.pathname = name;
  return {
    url: distant.href,
    name,
    pool,
    query: (sql, values) => pool.query(sql, values),
    [Symbol.asyncDispose]: () => pool.end(),
  };
}
