import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { describe, expect, it } from 'vitest';
import {
  openPool,
  settingsOf,
  withConnection,
  type PoolOptions,
} from '../../../activities/postgres/connection.ts';
import { socketOf } from '../../../activities/postgres/client-config.ts';
import { queryEach } from '../../../activities/postgres/query-each.ts';
import { readSocketOptions } from '../../../activities/postgres/socket-options.ts';
import {
  DEFAULT_CONNECTION_TIMING,
  type ConnectionPurpose,
} from '../../../domain/connection-timing.ts';
import { freshDatabase } from '../../database.ts';
import { MAJORS } from '../../migration-databases.ts';

const name = 'fairlead/test';

function poolOf(url: string, options: Partial<PoolOptions> = {}): Pool & AsyncDisposable {
  const pool = openPool({ url, role: 'target', maxConnections: 2, ...options });
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}

const LIMITS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];

async function show(client: PoolClient, ...names: string[]): Promise<string[]> {
  const columns = names.map((setting) => `current_setting('${setting}')`);
  const { rows } = await client.query({ text: `select ${columns.join(', ')}`, rowMode: 'array' });
  return rows[0] as string[];
}

const limitsWhile = (pool: Pool, purpose: ConnectionPurpose) =>
  withConnection(pool, { name, purpose }, (client) => show(client, ...LIMITS));

const seconds = 1_000;
const timing = {
  ...DEFAULT_CONNECTION_TIMING,
  statementTimeoutMs: 20 * seconds,
  lockTimeoutMs: 3 * seconds,
  idleInTransactionTimeoutMs: 4 * seconds,
};

describe.each(MAJORS)('a session on PostgreSQL %i', (major) => {
  it('has the limits of what it is taken for, each time anew', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url, { timing, maxConnections: 1 });
    expect(await limitsWhile(pool, 'read')).toEqual(['20s', '3s', '24s']);
    expect(await limitsWhile(pool, 'write')).toEqual(['20s', '3s', '4s']);
    expect(await limitsWhile(pool, 'bookkeeping')).toEqual(['5min', '3s', '4s']);
    expect(await limitsWhile(pool, 'preflight')).toEqual(['30s', '100ms', '4s']);
    expect(await limitsWhile(pool, 'fill')).toEqual(['0', '3s', '0']);
    expect(await limitsWhile(pool, 'probe')).toEqual(['20s', '3s', '4s']);
    expect(pool.totalCount).toBe(1);
  });

  it('takes a slow statement for a chunk that is too big only where it is about cells', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url, { timing: { ...timing, statementTimeoutMs: 50 } });
    const sleepAs = (purpose: ConnectionPurpose) =>
      withConnection(pool, { name, purpose }, (client) => client.query('select pg_sleep(30)'));
    await expect(sleepAs('read')).rejects.toMatchObject({ code: 'statement-timeout' });
    await expect(sleepAs('write')).rejects.toMatchObject({ code: 'statement-timeout' });
    await expect(sleepAs('probe')).rejects.toMatchObject({
      code: 'database-busy',
      kind: 'transient',
      message: expect.stringContaining('statement timeout'),
    });
  });

  it('says which settings were asked for, and what the server made of them', async () => {
    await using database = await freshDatabase({ major });
    await using pool = poolOf(database.url);
    expect(settingsOf(pool)).toEqual([]);
    await limitsWhile(pool, 'write');
    const outcomes = new Map(settingsOf(pool).map((outcome) => [outcome.name, outcome]));
    expect(outcomes.get('tcp_keepalives_idle')).toEqual({
      name: 'tcp_keepalives_idle',
      asked: '30',
      found: '30',
      accepted: true,
    });
    expect(outcomes.get('statement_timeout')).toMatchObject({ asked: '1200000', found: '20min' });
    const refused = [...outcomes.values()].filter(({ accepted }) => !accepted);
    expect(refused.map((outcome) => outcome.name)).toEqual(
      major > 13 ? [] : ['client_connection_check_interval'],
    );
  });

  it('says once what is refused, and has the rest', async () => {
    await using database = await freshDatabase({ major });
    const told: [string, Record<string, unknown>][] = [];
    const log = { warn: (...words: (typeof told)[number]) => void told.push(words) };
    await using pool = poolOf(database.url, { log });
    const both = [1, 2].map(() =>
      withConnection(pool, { name }, async (client) => {
        await client.query('select pg_sleep(0.2)');
        return show(client, 'tcp_keepalives_count', 'jit');
      }),
    );
    expect(await Promise.all(both)).toEqual([
      ['5', 'off'],
      ['5', 'off'],
    ]);
    expect(pool.totalCount).toBe(2);
    const refusal = {
      database: 'target',
      setting: 'client_connection_check_interval',
      asked: '10000',
      found: undefined,
      refusal: 'unrecognized configuration parameter "client_connection_check_interval"',
    };
    expect(told).toEqual(major > 13 ? [] : [['connection setting refused', refusal]]);
  });

  it.runIf(process.platform === 'linux' && hasSs())(
    'has keepalive on in both kernels, and the bound for unacknowledged data at our end',
    async () => {
      await using database = await freshDatabase({ major });
      await using pool = poolOf(database.url);
      await withConnection(pool, { name }, async (client) => {
        const socket = socketOf(client);
        expect(readSocketOptions(socket)).toEqual({
          keepaliveIntervalMs: 10_000,
          keepaliveCount: 5,
          userTimeoutMs: 80_000,
        });
        const { localPort } = socket;
        const filter = `( sport = :${localPort} or dport = :${localPort} )`;
        const endsNow = () =>
          execFileSync('ss', ['-Htno', filter], { encoding: 'utf8' }).trim().split('\n');
        // Until the last answer is acknowledged, the timer is another one.
        while (endsNow().some((end) => end.includes('timer:(on,'))) await sleep(20);
        const ends = endsNow();
        expect(ends).toHaveLength(2);
        for (const end of ends) expect(end).toMatch(/timer:\(keepalive,(2[0-9]|30)sec,0\)/);
      });
    },
  );
});

it('statements that go out together are answered one by one', async () => {
  await using database = await freshDatabase();
  await using pool = poolOf(database.url);
  const answers = await withConnection(pool, { name }, async (client) => {
    const each = await queryEach(client, ['select 1 as n', 'select 1 / 0', 'select 3 as n']);
    expect((await client.query('select 4 as n')).rows).toEqual([{ n: 4 }]);
    return each;
  });
  expect(answers).toMatchObject([
    { result: { rows: [{ n: 1 }] } },
    { error: { code: '22012' } },
    { result: { rows: [{ n: 3 }] } },
  ]);
});

it('statements that go out together all fail when the connection ends in the middle', async () => {
  await using database = await freshDatabase();
  await using pool = poolOf(database.url);
  const answered = withConnection(pool, { name }, async (client) => {
    const end = 'select pg_terminate_backend(pg_backend_pid())';
    return queryEach(client, ['select 1', end, 'select 3']).then((answers) => {
      expect(answers).toMatchObject([{ result: {} }, { error: {} }, { error: {} }]);
      throw new Error('seen');
    });
  });
  await expect(answered).rejects.toThrow('seen');
});

function hasSs(): boolean {
  try {
    execFileSync('ss', ['-V']);
    return true;
  } catch {
    return false;
  }
}
