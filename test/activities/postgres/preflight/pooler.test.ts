import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { anyFreePort } from '../../../../workers/stack/choose-port.ts';
import { freshDatabase, type TestDatabase } from '../../../database.ts';
import { migrationLab } from '../../../migration-databases.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { fillNarrowTable, preflight } from './preflight-lab.ts';

/** `BackendKeyData`: `K`, its length, then the process id and the key. */
const BACKEND_KEY = Buffer.from('4b0000000c', 'hex');

/** Stands between clients and a server; without `rewrite` it changes ports, as NAT and proxies do, and nothing else. */
async function between(url: string, rewrite: () => (bytes: Buffer) => void = () => () => {}) {
  const { hostname, port } = new URL(url);
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const change = rewrite();
    upstream.on('data', (bytes) => {
      change(bytes);
      client.write(bytes);
    });
    client.pipe(upstream);
    client.on('error', () => {}).on('close', () => upstream.destroy());
    upstream.on('error', () => {}).on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = server.address() as AddressInfo;
  return {
    url: (through: string) => Object.assign(new URL(through), { port: String(own) }).href,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

/** Makes up the process id of the server, as poolers do. */
function otherProcessId(): (bytes: Buffer) => void {
  let isTold = false;
  return (bytes) => {
    const at = isTold ? -1 : bytes.indexOf(BACKEND_KEY);
    if (at < 0) return;
    isTold = true;
    bytes.writeInt32BE(bytes.readInt32BE(at + 5) ^ 0x5a5a, at + 5);
  };
}

const PGBOUNCER = '/usr/sbin/pgbouncer';

/** PgBouncer before one database. */
async function pgBouncer(database: TestDatabase, mode: 'session' | 'transaction') {
  const folder = await temporaryFolder();
  const port = await anyFreePort();
  const { hostname, port: postgres, username, password } = new URL(database.url);
  const file = join(folder.path, 'pgbouncer.ini');
  await writeFile(join(folder.path, 'users'), `"${username}" "${password}"\n`);
  await writeFile(
    file,
    `[databases]\n${database.name} = host=${hostname} port=${postgres} dbname=${database.name}\n` +
      `[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nunix_socket_dir =\npool_mode = ${mode}\n` +
      `auth_type = plain\nauth_file = ${join(folder.path, 'users')}\nignore_startup_parameters = extra_float_digits,options\n` +
      `logfile = ${join(folder.path, 'log')}\npidfile = ${join(folder.path, 'pid')}\n`,
  );
  await chmod(folder.path, 0o777);
  const child = spawn(PGBOUNCER, ['-u', 'nobody', file], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  for (let tries = 0; tries < 50 && !(await answers(port)); tries++) await sleep(100);
  return {
    url: (through: string) => Object.assign(new URL(through), { port: String(port) }).href,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGINT');
      child.kill('SIGTERM');
      await exited;
      await folder[Symbol.asyncDispose]();
    },
  };
}

const answers = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

describe('a preflight', () => {
  it('notices a pooler, and gives the URL without it', async () => {
    await using database = await freshDatabase();
    await using pooler = await between(database.url, otherProcessId);
    await using lab = await migrationLab({ targetUrl: pooler.url });
    const { check } = await preflight(lab);
    const { port } = new URL(database.url);
    expect(check('source path').verdict).toBe('good');
    expect(check('target path')).toMatchObject({
      verdict: 'look',
      found: expect.stringContaining('a pooler is in between'),
      fix: expect.stringMatching(
        new RegExp(`^export FAIRLEAD_TARGET_URL=postgresql://\\S+@127.0.0.1:${port}/`),
      ),
    });
    // What a pooler would hand on to its other clients is not set.
    const { rows } = await lab.target.query('show default_transaction_read_only');
    expect(rows).toEqual([{ default_transaction_read_only: 'off' }]);
  });

  it('notices that ports are translated on the way', async () => {
    await using database = await freshDatabase();
    await using proxy = await between(database.url);
    await using lab = await migrationLab({ sourceUrl: proxy.url });
    const { check } = await preflight(lab);
    expect(check('source path')).toMatchObject({
      verdict: 'good',
      found: expect.stringContaining('through NAT or a proxy'),
    });
  });

  it.skipIf(!existsSync(PGBOUNCER)).each(['session', 'transaction'] as const)(
    'looks through PgBouncer that pools by %s',
    async (mode) => {
      await using database = await freshDatabase();
      await fillNarrowTable(database);
      await using bouncer = await pgBouncer(database, mode);
      const own = () => bouncer.url(database.url);
      await using lab = await migrationLab({ sourceUrl: own, targetUrl: own });
      const { check, ships, reached } = await preflight(lab);
      expect(reached).toBe(true);
      expect(check('source path').verdict).toBe(mode === 'session' ? 'look' : 'stop');
      expect(ships).toMatchObject([{ estimatedCells: 5_760 }]);
    },
  );
});
