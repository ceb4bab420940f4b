import { setTimeout as sleep } from 'node:timers/promises';
import { Client, escapeIdentifier } from 'pg';
import type { Report } from './report.ts';
import { describeExit } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

/** After a crash the server first replays its log, which took it minutes to write. */
const READY_LIMIT_MS = 300_000;
const POLL_MS = 30;
const CONNECT_LIMIT_MS = 5_000;

/**
 * Waits until the server takes our password, and makes the database if it is not there. The password is ours
 * alone, so an answer cannot come from another server that took the port.
 *
 * @throws when the process ends, or is not ready after five minutes
 */
export async function awaitPostgres(options: {
  child: ServerProcess;
  url: (database: string) => string;
  database: string;
  report: Report;
}): Promise<void> {
  const { child, url, database, report } = options;
  const client = await connectWhenReady(child, url('postgres'), report);
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

async function connectWhenReady(
  child: ServerProcess,
  url: string,
  report: Report,
): Promise<Client> {
  const startedAt = Date.now();
  let patience = startedAt + 10_000;
  for (;;) {
    if (!child.isRunning()) throw new Error(`it ended with ${describeExit(await child.exited)}`);
    try {
      return await connect(url);
    } catch (error) {
      if (Date.now() - startedAt > READY_LIMIT_MS)
        throw new Error(`not ready after ${READY_LIMIT_MS / 1000} s`, { cause: error });
    }
    if (Date.now() > patience) {
      report('PostgreSQL: still recovering from the last run');
      patience = Date.now() + 10_000;
    }
    await sleep(POLL_MS);
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    ssl: false,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
}
