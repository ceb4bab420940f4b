import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { cancelBackend, cancelsSettled } from '../../../activities/postgres/cancel-backend.ts';
import {
  openPool,
  withConnection,
  type PoolOptions,
} from '../../../activities/postgres/connection.ts';
import { DeadPathError } from '../../../activities/postgres/dead-path.ts';
import { sessionOf } from '../../../activities/postgres/open-pool.ts';
import { DEFAULT_CONNECTION_TIMING } from '../../../domain/connection-timing.ts';
import { freshDatabase, type TestDatabase } from '../../database.ts';
import { MAJORS } from '../../migration-databases.ts';
import { silentPath } from './silent-path.ts';

const name = 'fairlead/test';
const reason = new Error('no longer wanted');

function poolOf(url: string, options: Partial<PoolOptions> = {}): Pool & AsyncDisposable {
  const pool = openPool({ url, role: 'source', maxConnections: 2, ...options });
  return Object.assign(pool, {
    [Symbol.asyncDispose]: async () => {
      await cancelsSettled(pool);
      await pool.end();
    },
  });
}

/** What works for us on the server, as somebody else sees it. */
async function atWork(database: TestDatabase): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `select count(*)::int from pg_stat_activity
      where application_name = '${name}' and state = 'active' and datname = current_database()`,
  );
  return rows[0]!.count;
}

async function waitUntil(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}

/** Starts something long, ends it from here once the server is at it, and measures how long the server goes on. */
async function abandonedFor(
  pool: Pool,
  database: TestDatabase,
  why: Error = reason,
): Promise<{ callerMs: number; serverMs: number }> {
  const stop = new AbortController();
  const working = withConnection(pool, { name, signal: stop.signal }, (client) =>
    client.query('select pg_sleep(40)'),
  );
  const ended = expect(working).rejects.toBe(why);
  await waitUntil(async () => (await atWork(database)) === 1);
  const startedAt = performance.now();
  stop.abort(why);
  await ended;
  const callerMs = performance.now() - startedAt;
  await waitUntil(async () => (await atWork(database)) === 0);
  return { callerMs, serverMs: performance.now() - startedAt };
}

/** A role that may do what everybody may; dropped at the end. */
async function plainRole(
  database: TestDatabase,
  options = '',
): Promise<{ url: string } & AsyncDisposable> {
  const url = new URL(database.url);
  url.username = `plain_${database.name}`;
  url.password = 'secret';
  await database.query(`create role ${url.username} login password 'secret' ${options}`);
  return {
    url: url.href,
    [Symbol.asyncDispose]: async () => void (await database.query(`drop role ${url.username}`)),
  };
}

const checking = (everyMs: number) => ({
  ...DEFAULT_CONNECTION_TIMING,
  keepaliveIntervalMs: everyMs,
});

describe.each(MAJORS)('what is given up from here, on PostgreSQL %i', (major) => {
  it('ends on the server as well, long before it would look for its client', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const { callerMs, serverMs } = await abandonedFor(pool, database);
    expect(callerMs).toBeLessThan(1_000);
    expect(serverMs).toBeLessThan(5_000);
  });

  it('ends as well when it is many things at once', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url, { maxConnections: 6 });
    const stop = new AbortController();
    const all = Array.from({ length: 6 }, () =>
      withConnection(pool, { name, signal: stop.signal }, (client) =>
        client.query('select pg_sleep(40)'),
      ),
    );
    const ended = Promise.allSettled(all);
    await waitUntil(async () => (await atWork(database)) === 6);
    const startedAt = performance.now();
    stop.abort(reason);
    await ended;
    await waitUntil(async () => (await atWork(database)) === 0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('by a role of no special rights ends as well', async () => {
    await using database = await freshDatabase({ major });
    await using role = await plainRole(database);
    await using pool = poolOf(role.url);
    const { serverMs } = await abandonedFor(pool, database);
    expect(serverMs).toBeLessThan(5_000);
  });

  it('in the middle of a COPY, by an error of our own, ends as well', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    const failing = withConnection(pool, { name }, async (client) => {
      void client.query('select pg_sleep(40)').catch(() => {});
      await waitUntil(async () => (await atWork(database)) === 1);
      throw new Error('too many cells');
    });
    await expect(failing).rejects.toThrow('too many cells');
    const startedAt = performance.now();
    await waitUntil(async () => (await atWork(database)) === 0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('is left alone when the backend has another start, or another name by now', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    await withConnection(pool, { name }, async (client) => {
      const session = sessionOf(client)!;
      const slept = client.query(`select 'slept' as it from pg_sleep(1)`);
      cancelBackend(pool, { ...session, startedAt: '2001-01-01 00:00:00+00' }, name);
      cancelBackend(pool, session, 'fairlead/another');
      await cancelsSettled(pool);
      expect((await slept).rows).toEqual([{ it: 'slept' }]);
      const cancelled = expect(client.query('select pg_sleep(40)')).rejects.toMatchObject({
        code: '57014',
      });
      await waitUntil(async () => (await atWork(database)) === 1);
      cancelBackend(pool, session, name);
      await cancelled;
    });
  });
});

describe('what is given up from here, where it cannot be cancelled', () => {
  it('ends when the server looks for its client, and keeps nobody waiting', async () => {
    await using database = await freshDatabase();
    await database.query('revoke execute on function pg_cancel_backend(int) from public');
    await using role = await plainRole(database);
    await using often = poolOf(role.url, { timing: checking(1_000) });
    const quick = await abandonedFor(often, database);
    await using seldom = poolOf(role.url, { timing: checking(4_000) });
    const slow = await abandonedFor(seldom, database);
    expect(quick.callerMs).toBeLessThan(1_000);
    expect(slow.callerMs).toBeLessThan(1_000);
    // Between one look and the next, wherever in between it was given up.
    expect(quick.serverMs).toBeLessThan(4_000);
    expect(slow.serverMs).toBeLessThan(8_000);
  });

  it('also where the role may have no second connection', async () => {
    await using database = await freshDatabase();
    await using role = await plainRole(database, 'connection limit 1');
    await using pool = poolOf(role.url, { timing: checking(1_000) });
    const { callerMs, serverMs } = await abandonedFor(pool, database);
    expect(callerMs).toBeLessThan(1_000);
    expect(serverMs).toBeLessThan(4_000);
  });

  it('is asked for no longer than 2 s, by a server that has fallen silent', async () => {
    await using database = await freshDatabase();
    await using path = await silentPath(database.url);
    const pool = openPool({ url: path.url, role: 'source', maxConnections: 1 });
    const stop = new AbortController();
    const working = withConnection(pool, { name, signal: stop.signal }, (client) =>
      client.query('select pg_sleep(40)'),
    );
    const ended = expect(working).rejects.toBe(reason);
    await waitUntil(async () => (await atWork(database)) === 1);
    path.silence();
    const startedAt = performance.now();
    stop.abort(reason);
    await ended;
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    await cancelsSettled(pool);
    const took = performance.now() - startedAt;
    expect(took).toBeGreaterThan(1_800);
    expect(took).toBeLessThan(4_000);
    await pool.end();
  });

  it('is not asked for at all on a path that is known to be dead', async () => {
    await using database = await freshDatabase({ major: 13 });
    await using pool = poolOf(database.url);
    const stop = new AbortController();
    const dead = new DeadPathError('the server did not answer');
    const working = withConnection(pool, { name, signal: stop.signal }, (client) =>
      client.query('select pg_sleep(3)'),
    );
    const ended = expect(working).rejects.toBe(dead);
    await waitUntil(async () => (await atWork(database)) === 1);
    stop.abort(dead);
    await ended;
    await cancelsSettled(pool);
    await sleep(300);
    // This version does not look for its client: it would be gone only if somebody had cancelled it.
    expect(await atWork(database)).toBe(1);
  });
});
