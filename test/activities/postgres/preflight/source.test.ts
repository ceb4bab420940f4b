import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { TestDatabase } from '../../../database.ts';
import {
  MAJORS,
  SHIP,
  cell,
  insertCells,
  migrationLab,
  planAndPrepare,
  copy,
  requestFor,
  second,
} from '../../../migration-databases.ts';
import {
  anew,
  fillNarrowTable,
  grantAll,
  onDatabase,
  ownRole,
  paste,
  preflight,
  settled,
} from './preflight-lab.ts';

const SHIPS = Array.from('abcdefgh', (letter) => `SHIP-${letter}`);

/**
 * 8 ships x 100 channels x 400 instants: more pages than are read in a moment. Without autovacuum, whose pages count as read
 * too: a vacuum of eight ships makes 9,701 pages 16,004.
 */
const fillMany = async (database: TestDatabase, ships = SHIPS) => {
  await onDatabase(
    database.url,
    `alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk;
     drop index tenant.tbl_data_timeseries_created_time_idx;
     alter table tenant.tbl_data_timeseries set (autovacuum_enabled = false)`,
  );
  await fillNarrowTable(database, { ships, channels: 100, instants: 400 });
  await onDatabase(
    database.url,
    `alter table tenant.tbl_data_timeseries
       add constraint data_timeseries_pk primary key (ship_id, data_channel_id, created_time);
     create index tbl_data_timeseries_created_time_idx on tenant.tbl_data_timeseries (created_time desc);
     analyze tenant.tbl_data_timeseries`,
  );
};

describe.each(MAJORS)('the source in a preflight on PostgreSQL %i', (major) => {
  it('stops at a table without an index for its probes, and does not read it', async () => {
    await using lab = await migrationLab({ major });
    const { sourceDatabase: database } = lab;
    await fillMany(database);
    await database.query(
      `alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk;
       drop index tenant.tbl_data_timeseries_created_time_idx`,
    );
    const read = await pagesRead(database, () => anew(lab, preflight));
    expect(read.pages).toBeLessThan(50);
    const { check, ships } = read.result;
    expect(check('source key').verdict).toBe('stop');
    expect(check('plan')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('would read all of tenant.tbl_data_timeseries'),
    });
    expect(ships).toEqual([]);
    await paste(database, check('source key'));
    const after = await preflight(lab, { ships: ['SHIP-c'], widthMs: 600_000 });
    expect(after.check('source key').verdict).toBe('good');
    expect(after.check('SHIP-c plan')).toMatchObject({
      verdict: 'good',
      found: expect.stringContaining('tbl_data_timeseries_ship_channel, this ship only'),
    });
  });

  it('says which index a chunk is read by, what one more would cost, and what the ship holds', async () => {
    await using lab = await migrationLab({ major });
    const { sourceDatabase: database } = lab;
    await fillMany(database);
    const { check, ships } = await preflight(lab, { widthMs: 600_000, ships: ['SHIP-c'] });
    expect(check('SHIP-c plan').found).toContain('data_timeseries_pk, this ship only');
    expect(check('SHIP-c one chunk').found).toContain('4,000 cells of 100 channels');
    const { found, fix } = check('source index by time');
    expect(found + String(fix)).toContain(
      'create index concurrently "tbl_data_timeseries_ship_time" on "tenant"."tbl_data_timeseries" (ship_id, created_time, data_channel_id);',
    );
    expect(ships).toEqual([
      {
        ship: 'SHIP-c',
        from: '2025-06-15T00:00:00.000Z',
        to: '2025-06-15T01:40:00.000Z',
        chunks: 10,
        estimatedCells: 40_000,
        estimatedSeconds: expect.any(Number),
      },
    ]);
    const estimated = /take about ([\d.]+) MB/.exec(check('source index by time').found);
    await database.query(
      'create index by_time on tenant.tbl_data_timeseries (ship_id, created_time, data_channel_id)',
    );
    const { rows } = await database.query(`select pg_relation_size('tenant.by_time') / 1e6 as mb`);
    expect(Number(estimated?.[1]) / Number(rows[0]!['mb'])).toBeGreaterThan(0.85);
    expect(Number(estimated?.[1]) / Number(rows[0]!['mb'])).toBeLessThan(1.15);
    expect((await preflight(lab)).check('source index by time').found).toContain('exists already');
  });

  it('stops where somebody has forbidden the planner the way that chunks are read', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major, sourceUrl: role.url, targetUrl: role.url });
    const { sourceDatabase: database } = lab;
    await grantAll(database, role.name);
    await fillMany(database);
    await database.query(`alter role ${role.name} set enable_bitmapscan = off`);
    const { check } = await preflight(lab, { ships: ['SHIP-c'] });
    expect(check('SHIP-c plan').verdict).toBe('stop');
    await paste(database, check('SHIP-c plan'));
    const after = await anew(
      lab,
      (again) => preflight(again, { ships: ['SHIP-c'], widthMs: 600_000 }),
      role.url,
    );
    expect(after.check('SHIP-c plan').verdict).toBe('good');
  });

  it('costs as much for a ship among eight as for one alone', async () => {
    const pages: number[] = [];
    for (const ships of [['SHIP-c'], SHIPS]) {
      await using lab = await migrationLab({ major });
      await fillMany(lab.sourceDatabase, ships);
      const look = () => anew(lab, (own) => preflight(own, { ships: ['SHIP-c'] }));
      pages.push((await pagesRead(lab.sourceDatabase, look)).pages);
    }
    expect(pages[1]! / pages[0]!).toBeLessThan(1.6);
  });
});

/** Pages of tables and indexes in schema `tenant` that were looked at meanwhile, by all sessions that have ended since. */
async function pagesRead<T>(
  database: TestDatabase,
  work: () => Promise<T>,
): Promise<{ pages: number; result: T }> {
  const count = async () => {
    const { rows } = await database.query(
      `select coalesce(sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0)), 0)::float8 as pages
         from pg_statio_user_tables where schemaname = 'tenant'`,
    );
    return rows[0]!['pages'] as number;
  };
  const before = await settled(count);
  const result = await work();
  const gone = `select from pg_stat_activity where application_name like 'fairlead/%' and datname = current_database()`;
  while ((await database.query(gone)).rows.length > 0) await sleep(50);
  return { pages: (await settled(count)) - before, result };
}

describe('ships in a preflight', () => {
  it('are described: channels that no list names, types that are mixed or unknown', async () => {
    const groups = [{ number: 1, name: 'auxiliary', channels: new Set(['/a', '/never']) }];
    await using lab = await migrationLab({ groups });
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Integer', '/a', second(7_200), 1),
      cell('Decimal', '/b', second(0), 1),
      cell('String', '/b', second(7_200), 'x'),
      { channel: '/c', at: second(0), format: 'Mystery', double: 1 },
    ]);
    const { check, ships } = await preflight(lab, { fleet: [SHIP, 'IMO9986051'] });
    expect(check('IMO9986051 cells').verdict).toBe('look');
    expect(check(`${SHIP} channels`)).toMatchObject({
      verdict: 'look',
      found:
        '3: 1 auxiliary, 2 other; 1 listed ones have no cell, and get no column; what no list names goes to group 2 (other)',
      fix: expect.stringContaining(`'/b' '/c' >> channels/auxiliary.txt`),
    });
    const types = check(`${SHIP} types`);
    expect(types.found).toContain('1 mix Integer and Decimal, and become Decimal');
    expect(types.fix).toMatch(
      /^\[migration\.channelTypes\]\n"\/b" = "(Decimal|String)"\n"\/c" = "String"$/,
    );
    expect(ships[0]).toMatchObject({ ship: SHIP, from: '2025-06-15T02:00:00.000Z' });
  });

  it('have cells at odd times, which are counted', async () => {
    await using lab = await migrationLab();
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', '-infinity', 1),
      cell('Decimal', '/a', '2200-01-01T00:00:00Z', 1),
    ]);
    const { check } = await preflight(lab);
    expect(check(`${SHIP} odd times`).found).toContain('1 cells at infinity');
    expect(check(`${SHIP} future cells`).found).toContain('1 cells lie after now');
    for (const { fix } of ['odd times', 'future cells'].map((name) => check(`${SHIP} ${name}`)))
      expect((await lab.sourceDatabase.query(fix!)).rows.length).toBeGreaterThan(0);
  });

  it('are estimated without what is proven', async () => {
    await using lab = await migrationLab();
    await fillNarrowTable(lab.sourceDatabase);
    const plan = await anew(lab, (own) => planAndPrepare(own, requestFor({ to: '2025-06-16' })));
    await anew(lab, (own) => copy(own, plan));
    const { check, ships } = await preflight(lab);
    expect(check(`${SHIP} ledger`).found).toBe('1 of 3 chunks are proven already');
    expect(ships).toMatchObject([{ chunks: 2, estimatedCells: 3_840 }]);
  });

  it('are estimated by the days that hold cells', async () => {
    await using lab = await migrationLab();
    await fillNarrowTable(lab.sourceDatabase, { instants: 5_760, from: '2025-01-01' });
    await fillNarrowTable(lab.sourceDatabase, { instants: 5_760, from: '2025-01-10' });
    const { check, ships } = await preflight(lab);
    expect(check(`${SHIP} estimate`).found).toContain(
      '2 of 10 days hold cells, and 24 of 24 of their chunks',
    );
    expect(ships).toMatchObject([{ chunks: 120, estimatedCells: 46_080 }]);
  });

  it('refuse a ship that the source does not know', async () => {
    await using lab = await migrationLab();
    await fillNarrowTable(lab.sourceDatabase);
    await expect(preflight(lab, { ships: ['IMO9976904'] })).rejects.toMatchObject({
      code: 'ship-unknown',
      hint: 'Did you mean IMO9976903?',
    });
  });

  it('say that there are none', async () => {
    await using lab = await migrationLab();
    const { check, ships } = await preflight(lab);
    expect(check('ships')).toMatchObject({ verdict: 'look', found: 'the narrow table is empty' });
    expect(ships).toEqual([]);
  });

  it('say that a chunk is too big for the buffer, and which width would do', async () => {
    await using lab = await migrationLab({ maxBufferBytes: 1_100_000 });
    await fillNarrowTable(lab.sourceDatabase, { channels: 120 });
    const { check, ships } = await preflight(lab);
    expect(check(`${SHIP} one chunk`)).toMatchObject({
      verdict: 'look',
      found: expect.stringContaining('more than 1100000 bytes arrived for one chunk'),
      fix: '[migration]\nwidth = "30m"',
    });
    expect(ships).toEqual([]);
  });

  it('are found in a partitioned table, and through a view', async () => {
    await using lab = await migrationLab();
    const { sourceDatabase: database } = lab;
    await fillNarrowTable(database);
    await database.query(
      `create table tenant.parted (like tenant.tbl_data_timeseries) partition by range (created_time);
       alter table tenant.parted add primary key (ship_id, data_channel_id, created_time);
       create table tenant.parted_early partition of tenant.parted for values from ('2025-01-01') to ('2025-06-15 02:00');
       create table tenant.parted_late partition of tenant.parted for values from ('2025-06-15 02:00') to ('2026-01-01');
       insert into tenant.parted select * from tenant.tbl_data_timeseries;
       create view tenant.seen as select * from tenant.tbl_data_timeseries;
       analyze`,
    );
    for (const name of ['parted', 'seen']) {
      const { check, ships } = await anew(lab, (own) =>
        preflight({ ...own, sourceTable: { schema: 'tenant', name } }),
      );
      expect(ships, name).toMatchObject([{ ship: SHIP, chunks: 3, estimatedCells: 5_760 }]);
      expect(check(`${SHIP} plan`).verdict).toBe('good');
      expect(check('source size').found).toContain(
        name === 'seen' ? 'is a view' : 'partitioned: about 5,760 rows',
      );
    }
  });
});
