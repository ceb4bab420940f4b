// Through a pooler, where there is one: on Debian `apt-get install pgbouncer`.
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { cancelsSettled } from '../../../activities/postgres/cancel-backend.ts';
import { settingsOf, withConnection } from '../../../activities/postgres/connection.ts';
import { sessionOf } from '../../../activities/postgres/open-pool.ts';
import { freshDatabase } from '../../database.ts';
import {
  SHIP,
  cell,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  second,
  wideCells,
} from '../../migration-databases.ts';
import { findPgBouncer, startPgBouncer } from './start-pgbouncer.ts';

const program = await findPgBouncer();
if (!program) console.warn('skipped: tests through a pooler need pgbouncer');

const name = 'fairlead/test';
const SETTINGS = `
  select current_setting('tcp_keepalives_idle') as idle, current_setting('tcp_keepalives_interval') as interval,
         current_setting('tcp_keepalives_count') as count, current_setting('client_connection_check_interval') as look,
         current_setting('lock_timeout') as lock, current_setting('application_name') as name`;

describe.skipIf(!program)('through PgBouncer', () => {
  it.each(['session', 'transaction'] as const)(
    'in %s mode the server has the settings, and nothing is refused',
    async (mode) => {
      await using database = await freshDatabase();
      await using pooler = await startPgBouncer(program!, database.url, mode);
      await using lab = await migrationLab({ sourceUrl: () => pooler.url });
      const found = await withConnection(
        lab.source,
        { name, purpose: 'read' },
        async (client) => (await client.query(SETTINGS)).rows[0],
      );
      expect(found).toEqual({
        idle: '30',
        interval: '10',
        count: '5',
        look: '10s',
        lock: '45s',
        name,
      });
      expect(settingsOf(lab.source).filter(({ accepted }) => !accepted)).toEqual([]);
    },
  );

  it('the backend itself is known, not the number that the pooler tells', async () => {
    await using database = await freshDatabase();
    await using pooler = await startPgBouncer(program!, database.url, 'session');
    await using lab = await migrationLab({ sourceUrl: () => pooler.url });
    await withConnection(lab.source, { name }, async (client) => {
      const { rows } = await database.query<{ pid: number }>(
        `select pid from pg_stat_activity where application_name = '${name}' and datname = current_database()`,
      );
      expect(rows).toEqual([{ pid: sessionOf(client)!.pid }]);
    });
  });

  it('what is given up from here ends on the server', async () => {
    await using database = await freshDatabase();
    await using pooler = await startPgBouncer(program!, database.url, 'session');
    await using lab = await migrationLab({ sourceUrl: () => pooler.url });
    const sleepers = async () => {
      const { rows } = await database.query(
        `select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
      );
      return rows.length;
    };
    const stop = new AbortController();
    const reason = new Error('no longer wanted');
    const ended = expect(
      withConnection(lab.source, { name, signal: stop.signal }, (client) =>
        client.query('select pg_sleep(40)'),
      ),
    ).rejects.toBe(reason);
    while ((await sleepers()) === 0) await sleep(10);
    const startedAt = performance.now();
    stop.abort(reason);
    await ended;
    await cancelsSettled(lab.source);
    while ((await sleepers()) > 0) await sleep(10);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('a chunk is copied and proven', async () => {
    await using lab = await migrationLab();
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('String', '/b', second(15), 'x'),
    ]);
    await using pooler = await startPgBouncer(program!, lab.sourceDatabase.url, 'session');
    await using pooled = await migrationLab({
      sourceUrl: () => pooler.url,
      targetUrl: () => pooler.url,
    });
    const databases = { ...lab, source: pooled.source, target: pooled.target };
    const plan = await planAndPrepare(databases);
    expect(await copy(databases, plan)).toMatchObject({ status: 'done' });
    expect(await wideCells(lab, SHIP)).toEqual(await narrowCells(lab, SHIP));
  });
});
