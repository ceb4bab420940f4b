import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import {
  closePool,
  inTransaction,
  openPool,
  withConnection,
} from '../../../activities/postgres/connection.ts';
import { freshDatabase } from '../../database.ts';
import { MAJORS } from '../../migration-databases.ts';

function poolOf(url: string): Pool & AsyncDisposable {
  const pool = openPool({ url, role: 'target', maxConnections: 2 });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}

const name = 'fairlead/test';

describe.each(MAJORS)('a connection to PostgreSQL %i', (major) => {
  it('has the settings by which the server notices a dead client', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const settings = await withConnection(pool, { name }, async (client) => {
      const { rows } = await client.query<{ name: string; setting: string }>(
        `select name, setting from pg_settings
          where name in ('tcp_keepalives_idle', 'tcp_keepalives_interval', 'tcp_keepalives_count',
                         'client_connection_check_interval', 'jit', 'TimeZone', 'application_name', 'tcp_user_timeout')`,
      );
      return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
    });
    expect(settings).toEqual({
      tcp_keepalives_idle: '30',
      tcp_keepalives_interval: '10',
      tcp_keepalives_count: '5',
      // Of use to writers only: it would also count a client that is slow to read.
      tcp_user_timeout: '0',
      jit: 'off',
      TimeZone: 'UTC',
      application_name: name,
      ...(major > 13 ? { client_connection_check_interval: '10000' } : {}),
    });
  });

  it('goes back to the pool after success, and is destroyed after a failure', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const pid = () =>
      withConnection(
        pool,
        { name },
        async (client) =>
          (await client.query('select pg_backend_pid() as pid')).rows[0]!['pid'] as number,
      );
    const first = await pid();
    expect(await pid()).toBe(first);
    await expect(
      withConnection(pool, { name }, (client) => client.query('select 1 / 0')),
    ).rejects.toMatchObject({
      code: 'data-refused',
      kind: 'data',
      message: 'fairlead/test: division by zero (22012)',
      cause: expect.objectContaining({ code: '22012' }),
    });
    expect(await pid()).not.toBe(first);
  });

  it('takes an open transaction with it when it fails', async () => {
    await using database = await freshDatabase({ major });
    await database.query('create table t (n int)');
    await using pool = poolOf(database.url);
    const failing = withConnection(pool, { name }, (client) =>
      inTransaction(client, async () => {
        await client.query('insert into t values (1)');
        throw new Error('in the middle');
      }),
    );
    await expect(failing).rejects.toThrow('in the middle');
    await withConnection(pool, { name }, (client) =>
      inTransaction(client, () => client.query('insert into t values (2)')),
    );
    expect((await database.query('select n from t')).rows).toEqual([{ n: 2 }]);
  });

  it('keeps the first error when the server ends it', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const ended = withConnection(pool, { name }, (client) =>
      client.query('select pg_terminate_backend(pg_backend_pid())'),
    );
    await expect(ended).rejects.toMatchObject({
      code: 'connection-lost',
      message: expect.stringContaining('57P01'),
    });
  });

  it('is cut off at once by the signal, with its reason', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const waiting = withConnection(pool, { name, signal: stop.signal }, async (client) => {
      setTimeout(() => stop.abort(reason), 50);
      await client.query('select pg_sleep(30)');
    });
    await expect(waiting).rejects.toBe(reason);
    await expect(
      withConnection(pool, { name, signal: stop.signal }, () => Promise.resolve()),
    ).rejects.toBe(reason);
  });

  it('bears any name', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const hostile = `fairlead/o'hara"; \\ drop table x; --`;
    const shown = await withConnection(
      pool,
      { name: hostile },
      async (client) =>
        (await client.query('show application_name')).rows[0]!['application_name'] as string,
    );
    expect(shown).toBe(hostile);
  });

  it.each<[string, (url: URL) => void, string, string]>([
    [
      'a wrong password',
      (url: URL) => (url.password = 'wrong-secret'),
      'login-refused',
      'operator',
    ],
    ['an unknown user', (url: URL) => (url.username = 'nobody'), 'login-refused', 'operator'],
    [
      'an unknown database',
      (url: URL) => (url.pathname = 'nowhere'),
      'database-absent',
      'operator',
    ],
    [
      'a host that has no address',
      (url: URL) => (url.hostname = 'db.invalid'),
      'connection-lost',
      'transient',
    ],
  ])('with %s is told so, without a secret', async (_what, change, code, kind) => {
    await using database = await freshDatabase({ major });
    const url = new URL(database.url);
    change(url);
    await using pool = poolOf(url.href);
    const error: unknown = await withConnection(pool, { name }, () => Promise.resolve()).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code, kind, hint: expect.any(String) });
    const { message, hint } = error as Error & { hint: string };
    expect(`${message} ${hint}`).not.toContain(url.password);
  });
});

it('that is still in use when its pool is closed is cut', async () => {
  await using database = await freshDatabase();
  const pool = openPool({ url: database.url, role: 'target', maxConnections: 2 });
  const asleep = withConnection(pool, { name }, (client) => client.query('select pg_sleep(40)'));
  asleep.catch(() => {});
  while (pool.totalCount - pool.idleCount === 0) await sleep(20);
  const startedAt = performance.now();
  await closePool(pool);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  await expect(asleep).rejects.toMatchObject({ code: 'connection-lost' });
});

it('with nobody listening is lost, and will be tried again', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await using pool = poolOf(`postgresql://someone:secret@localhost:${port}/none`);
  await expect(withConnection(pool, { name }, () => Promise.resolve())).rejects.toMatchObject({
    code: 'connection-lost',
    message: expect.stringContaining('ECONNREFUSED'),
  });
});
