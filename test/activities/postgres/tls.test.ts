// Over TLS the socket that is talked on is not the one that the options are set on.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect, it } from 'vitest';
import {
  closePool,
  openPool,
  settingsOf,
  withConnection,
} from '../../../activities/postgres/connection.ts';
import { socketOf } from '../../../activities/postgres/client-config.ts';
import { socketsOf } from '../../../activities/postgres/open-pool.ts';
import { readSocketOptions } from '../../../activities/postgres/socket-options.ts';
import { hasOpenssl, tlsServer } from './tls-server.ts';

const name = 'fairlead/test';

it.runIf(process.platform === 'linux' && hasOpenssl())(
  'a connection over TLS has the options and settings too, and is ended on the server',
  async () => {
    await using server = await tlsServer();
    // Where nothing comes in without TLS, not even what ends it.
    const url = server.url('encrypted', { sslmode: 'require' });
    const pool = openPool({ url, role: 'target', maxConnections: 1 });
    const observer = new Client({ connectionString: server.url('tenant_builder') });
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
    }
  },
);
