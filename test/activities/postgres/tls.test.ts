// Over TLS the socket that is talked on is not the one that the options are set on.
import { chmod, chown } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import {
  closePool,
  openPool,
  settingsOf,
  withConnection,
} from '../../../activities/postgres/connection.ts';
import { socketOf, socketsOf } from '../../../activities/postgres/open-pool.ts';
import { readSocketOptions } from '../../../activities/postgres/socket-options.ts';
import { anyFreePort } from '../../../workers/stack/choose-port.ts';
import { postgresAccount } from '../../../workers/stack/postgres-account.ts';
import { startPostgres } from '../../../workers/stack/postgres-server.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { makeCertificate } from '../sensor/certificates.ts';

const name = 'fairlead/test';

async function startWithTls(folder: string) {
  makeCertificate(folder, 'IP:127.0.0.1');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const account = await postgresAccount();
  await chmod(key, 0o600);
  if (account) await chown(key, account.uid, account.gid);
  return startPostgres({
    folder: join(folder, 'postgres'),
    port: await anyFreePort(),
    report: () => {},
    settings: { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key, shared_buffers: '32MB' },
  });
}

it.runIf(process.platform === 'linux' && hasOpenssl())(
  'a connection over TLS has the options and settings too, and is ended on the server',
  async () => {
    await using folder = await temporaryFolder();
    const server = await startWithTls(folder.path);
    const url = `${server.url}?sslmode=no-verify`;
    const pool = openPool({ url, role: 'target', maxConnections: 1 });
    const observer = new Client({ connectionString: server.url });
    await observer.connect();
    try {
      const stop = new AbortController();
      const sleeping = withConnection(pool, { name, signal: stop.signal }, async (client) => {
        expect(readSocketOptions(socketOf(client))).toEqual({
          keepaliveIntervalMs: 10_000,
          keepaliveCount: 5,
          userTimeoutMs: 80_000,
        });
        const ssl = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
        expect((await client.query(ssl)).rows).toEqual([{ ssl: true }]);
        expect((await client.query('show tcp_keepalives_idle')).rows).toEqual([
          { tcp_keepalives_idle: '30' },
        ]);
        await client.query('select pg_sleep(40)');
      });
      const sleepers = async () =>
        (await observer.query(`select from pg_stat_activity where wait_event = 'PgSleep'`))
          .rowCount;
      const reason = new Error('no longer wanted');
      const ended = expect(sleeping).rejects.toBe(reason);
      while ((await sleepers()) === 0) await sleep(10);
      const startedAt = performance.now();
      stop.abort(reason);
      await ended;
      while ((await sleepers()) !== 0) await sleep(10);
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(settingsOf(pool).filter(({ accepted }) => !accepted)).toEqual([]);
      await closePool(pool);
      while ([...socketsOf(pool)].length > 0) await sleep(10);
    } finally {
      await observer.end();
      await server.stop();
    }
  },
);

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
}
