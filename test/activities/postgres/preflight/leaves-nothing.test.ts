import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import type { TestDatabase } from '../../../database.ts';
import { MAJORS, SHIP, copy, migrationLab, planAndPrepare } from '../../../migration-databases.ts';
import { anew, fillNarrowTable, preflight, settled } from './preflight-lab.ts';

/**
 * What of a database a look could have changed: its catalog and its rows, but not what all databases share, nor planner
 * statistics, which autovacuum writes when it likes; an ANALYZE of ours would hold a lock.
 */
async function stateOf(database: TestDatabase) {
  const { rows } = await database.query(
    `select (select array_agg(oid::int8 order by oid) from pg_class) as relations,
            (select count(*)::int from pg_attribute) as columns,
            (select count(*)::int from pg_db_role_setting where setdatabase = (select oid from pg_database where datname = current_database())) as settings,
            (select array_agg(relacl::text order by oid) from pg_class) as rights,
            (select array_agg(n_tup_ins + n_tup_upd + n_tup_del order by relid) from pg_stat_all_tables
              where relid not in (select oid from pg_class where relisshared)
                and relid not in (select unnest(array[oid, reltoastrelid]) from pg_class where oid = 'pg_statistic'::regclass)) as writes,
            (select count(*)::int from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())) as advisory`,
  );
  return rows[0];
}

/**
 * Every kind of lock that sessions of ours hold (a transaction that writes holds one on its own number), but for that on
 * its database, which PostgreSQL takes for each session that begins; looked at as often as the server answers, until it is told to stop.
 */
async function watchLocks(database: TestDatabase, work: () => Promise<unknown>) {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  const modes = new Set<string>();
  let looks = 0;
  const over = new AbortController();
  const watching = (async () => {
    for (; !over.signal.aborted; looks++) {
      const { rows } = await client.query(
        `select distinct mode from pg_locks l join pg_stat_activity a using (pid)
          where a.application_name like 'fairlead/%' and a.datname = current_database() and locktype <> 'virtualxid'
            and (locktype <> 'object' or classid <> 'pg_database'::regclass)`,
      );
      for (const { mode } of rows) modes.add(mode);
    }
  })();
  await work().finally(() => over.abort());
  await watching;
  await client.end();
  return { modes: [...modes], looks };
}

describe.each(MAJORS)('a preflight on PostgreSQL %i', (major) => {
  it('changes nothing, and takes no lock but AccessShare', async () => {
    await using lab = await migrationLab({ major });
    const { sourceDatabase: database } = lab;
    await fillNarrowTable(database, { ships: [SHIP, 'IMO9976915'], channels: 20 });
    const plan = await anew(lab, planAndPrepare);
    await anew(lab, (own) => copy(own, plan));
    const before = await settled(() => stateOf(database));
    const { modes, looks } = await watchLocks(database, () => preflight(lab));
    expect(looks).toBeGreaterThan(20);
    expect(modes).toEqual(['AccessShareLock']);
    expect(await settled(() => stateOf(database))).toEqual(before);
    const { rows } = await lab.target.query('show default_transaction_read_only');
    expect(rows).toEqual([{ default_transaction_read_only: 'on' }]);
  });

  it('waits for nobody: what is locked is said, and who holds it', async () => {
    await using lab = await migrationLab({ major });
    const { sourceDatabase: database } = lab;
    await fillNarrowTable(database);
    const stranger = await database.pool.connect();
    await stranger.query('begin; lock table tenant.tbl_data_timeseries in access exclusive mode');
    const startedAt = Date.now();
    const { check, reached, checks } = await preflight(lab);
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    await stranger.query('rollback');
    stranger.release(true);
    expect(reached).toBe(true);
    const locked = checks.filter(({ found }) => found.includes('another session holds a lock'));
    expect(locked.length).toBeGreaterThan(0);
    expect(locked[0]!.fix).toContain('pg_stat_activity');
    await database.query(locked[0]!.fix!);
    expect(check('target archiver').verdict).toBe('good');
  });
});

describe('a preflight', () => {
  it('says what it could not have in time', async () => {
    await using lab = await migrationLab();
    await fillNarrowTable(lab.sourceDatabase, { ships: ['A', 'B', 'C'] });
    const { checks, reached } = await preflight(lab, { withinMs: 5_400 });
    expect(reached).toBe(true);
    const late = checks.filter(({ found }) => found.includes('the time was over'));
    expect(late).toMatchObject([
      { about: 'A', verdict: 'look', fix: 'fairlead preflight A' },
      { about: 'B', verdict: 'look' },
      { about: 'C', verdict: 'look' },
    ]);
  });

  it('says of the source what it can when the target is away', async () => {
    const nobody = (url: string) => Object.assign(new URL(url), { port: '9' }).href;
    await using lab = await migrationLab({ targetUrl: nobody });
    await fillNarrowTable(lab.sourceDatabase);
    const { check, reached, ships } = await preflight(lab);
    expect(reached).toBe(false);
    expect(check('target connection')).toMatchObject({
      verdict: 'stop',
      fix: expect.stringContaining('FAIRLEAD_TARGET_URL'),
    });
    expect(check(`${SHIP} plan`).verdict).toBe('good');
    expect(ships).toMatchObject([{ ship: SHIP, estimatedCells: 5_760 }]);
  });

  it('waits seconds, not for ever, for a database that never answers', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const hole = (url: string) => Object.assign(new URL(url), { port: String(port) }).href;
    await using lab = await migrationLab({ targetUrl: hole });
    const startedAt = Date.now();
    const { check, reached } = await preflight(lab);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    silent.close();
    expect(reached).toBe(false);
    expect(check('target connection')).toMatchObject({
      verdict: 'stop',
      found: 'not to be had within 5s',
      fix: expect.stringContaining('FAIRLEAD_TARGET_URL'),
    });
    expect(check('source version').verdict).toBe('good');
  });

  it('is told a refused password, which is no absence', async () => {
    const wrong = (url: string) => Object.assign(new URL(url), { password: 'wrong' }).href;
    await using lab = await migrationLab({ sourceUrl: wrong });
    const { check, reached } = await preflight(lab);
    expect(reached).toBe(true);
    expect(check('source connection')).toMatchObject({ verdict: 'stop' });
    expect(check('source connection').found).not.toContain('wrong@');
  });
});
