import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { runSql } from '../run-sql.ts';
import { startPostgres, type PostgresServer } from '../../workers/stack/postgres-server.ts';
import type { TestDatabase } from '../database.ts';
import { narrowTableSql } from '../narrow-table.ts';
import { temporaryFolder } from '../temporary-folder.ts';

type Settings = Readonly<Record<string, string>>;

/** A PostgreSQL server that a test has to itself; it is stopped at the end. */
export interface OwnServer extends AsyncDisposable {
  /** With the narrow table. */
  database: TestDatabase;
  /** Shuts it down as an administrator would, and starts it again as a standby that has no primary. */
  becomeStandby: (settings?: Settings) => Promise<void>;
  /** The same, for a standby to which nobody can connect. */
  becomeUnreachableStandby: () => Promise<void>;
  /** A standby takes over. */
  promote: () => Promise<void>;
}

export async function ownServer(settings: Settings = {}): Promise<OwnServer> {
  const folder = await temporaryFolder();
  const data = join(folder.path, 'data');
  const all = { wal_level: 'replica', fsync: 'off', shared_buffers: '16MB', ...settings };
  const start = (port?: number, more: Settings = {}) =>
    startPostgres({
      folder: folder.path,
      settings: { ...all, ...more },
      report: () => undefined,
      ...(port && { port }),
    });
  let server: Promise<PostgresServer> = start();
  const { url, port } = await server;
  await runSql(url, narrowTableSql);
  const pool = new Pool({ connectionString: url, max: 4 });
  pool.on('error', () => undefined);
  const restartAsStandby = async (more: Settings) => {
    await (await server).stop();
    const signal = join(data, 'standby.signal');
    await writeFile(signal, '');
    await chmod(signal, 0o666);
    server = start(port, more);
  };
  return {
    database: {
      url,
      name: new URL(url).pathname.slice(1),
      pool,
      query: (sql, values) => pool.query(sql, values),
      [Symbol.asyncDispose]: () => pool.end(),
    },
    [Symbol.asyncDispose]: async () => {
      await (await server).stop();
      await folder[Symbol.asyncDispose]();
    },
    becomeStandby: async () => {
      await restartAsStandby({ hot_standby: 'on' });
      await server;
    },
    becomeUnreachableStandby: () => restartAsStandby({ hot_standby: 'off' }),
    promote: async () => {
      await writeFile(join(data, 'promote'), '');
      const [pid] = (await readFile(join(data, 'postmaster.pid'), 'utf8')).split('\n');
      process.kill(Number(pid), 'SIGUSR1');
      await server;
      const stillFollows = 'select where pg_is_in_recovery()';
      while ((await pool.query(stillFollows)).rows.length > 0) await sleep(50);
    },
  };
}
