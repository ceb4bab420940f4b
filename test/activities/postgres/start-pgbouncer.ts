import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { anyFreePort } from '../../../workers/stack/choose-port.ts';
import { postgresAccount } from '../../../workers/stack/postgres-account.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const run = promisify(execFile);
const PROGRAMS = ['pgbouncer', '/usr/sbin/pgbouncer'];

export interface PgBouncer extends AsyncDisposable {
  /** Of the same database, through the pooler. */
  url: string;
}

/** Where the pooler is, or undefined where there is none. */
export async function findPgBouncer(): Promise<string | undefined> {
  for (const program of PROGRAMS) {
    const found = await run(program, ['--version']).catch(() => undefined);
    if (found) return program;
  }
  return undefined;
}

/** Starts a pooler in front of a database. It refuses to run as root, so that it gets the account of PostgreSQL. */
export async function startPgBouncer(
  program: string,
  databaseUrl: string,
  poolMode: 'session' | 'transaction',
): Promise<PgBouncer> {
  const folder = await temporaryFolder();
  const target = new URL(databaseUrl);
  const port = await anyFreePort();
  const file = join(folder.path, 'pgbouncer.ini');
  const account = await postgresAccount();
  await writeFile(file, configuration(target, port, poolMode));
  await chmod(file, 0o644);
  const child = spawn(program, [file], {
    stdio: 'ignore',
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  const ended = once(child, 'exit');
  const url = new URL(databaseUrl);
  url.port = String(port);
  await waitUntilItAnswers(url.href);
  return {
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

const configuration = (target: URL, port: number, poolMode: string): string => `
[databases]
* = host=${target.hostname} port=${target.port} user=${target.username} password=${decodeURIComponent(target.password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = ${poolMode}
`;

async function waitUntilItAnswers(url: string): Promise<void> {
  for (;;) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return await client.end();
    } catch (error) {
      if ((error as { code?: string }).code !== 'ECONNREFUSED') throw error;
      await sleep(30);
    }
  }
}
