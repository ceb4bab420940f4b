import { describe, expect, it } from 'vitest';
import {
  MAJORS,
  SHIP,
  cell,
  insertCells,
  migrationLab,
  planAndPrepare,
  second,
  type MigrationLab,
} from '../../../migration-databases.ts';
import {
  anew,
  fillNarrowTable,
  grantAll,
  onDatabase,
  ownRole,
  paste,
  preflight,
} from './preflight-lab.ts';

const again = (lab: MigrationLab, { url }: { url: (url: string) => string }) =>
  anew(lab, preflight, url);

describe.each(MAJORS)('rights in a preflight on PostgreSQL %i', (major) => {
  it('are all missing, are granted as printed, and are all there', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major, sourceUrl: role.url, targetUrl: role.url });
    const { sourceDatabase: database } = lab;
    await fillNarrowTable(database);
    await database.query(`revoke temporary on database ${database.name} from public`);
    const before = await preflight(lab);
    const lines = [
      'source select',
      'target schema fairlead',
      'target wide tables',
      'target temporary tables',
    ];
    for (const line of lines) expect(before.check(line).verdict, line).toBe('stop');
    expect(before.check('source select').fix).toBe(
      `grant usage on schema "tenant" to "${role.name}"; grant select on "tenant"."tbl_data_timeseries" to "${role.name}";`,
    );
    for (const line of lines) await paste(database, before.check(line));
    const after = await preflight(lab);
    for (const line of lines) expect(after.check(line).verdict, line).toBe('good');
    expect(after.check(`${SHIP} estimate`).verdict).toBe('good');
    await anew(lab, planAndPrepare, role.url);
  });

  it.each([
    ['role', 'user', 'alter role ROLE reset'],
    ['role in database', 'database user', 'alter role ROLE in database DATABASE reset'],
    ['its own database', 'database', 'alter database DATABASE reset'],
    ["another's database", 'database', 'alter role "ROLE" in database "DATABASE" set'],
    ['url', 'client', '# take default_transaction_read_only out of options= in the URL'],
  ])(
    'stop where no write is taken, by %s, until what it prints is typed',
    async (where, source, fix) => {
      await using role = await ownRole(major);
      const made = new Map([
        ['role', `alter role ${role.name} set`],
        ['role in database', `alter role ${role.name} in database DATABASE set`],
        [
          'its own database',
          `alter database DATABASE owner to ${role.name}; alter database DATABASE set`,
        ],
        ["another's database", 'alter database DATABASE set'],
      ]).get(where);
      const url = (own: string) =>
        made ? role.url(own) : `${role.url(own)}?options=-c%20default_transaction_read_only%3Don`;
      await using lab = await migrationLab({ major, targetUrl: url });
      const { targetDatabase: database } = lab;
      await grantAll(database, role.name);
      if (made)
        await database.query(
          `${made.replaceAll('DATABASE', database.name)} default_transaction_read_only = on`,
        );
      const writable = (await preflight(lab)).check('target writable');
      expect(writable).toMatchObject({
        verdict: 'stop',
        found: expect.stringContaining(`default_transaction_read_only is on (${source})`),
      });
      expect(writable.fix).toContain(
        fix.replace('ROLE', role.name).replace('DATABASE', database.name),
      );
      if (made) await onDatabase(role.url(database.url), writable.fix!);
      expect((await again(lab, role)).check('target writable').verdict).toBe('good');
    },
  );

  it('name what is missing of a schema fairlead that somebody else has made', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major });
    await fillNarrowTable(lab.sourceDatabase);
    await grantAll(lab.sourceDatabase, role.name);
    await planAndPrepare(lab);
    const before = await again(lab, role);
    expect(before.check('target schema fairlead')).toMatchObject({
      verdict: 'stop',
      fix: expect.stringContaining(
        `grant select, insert, update, delete on fairlead.chunk to "${role.name}";`,
      ),
    });
    expect(before.check(`${SHIP} ledger`).verdict).not.toBe('good');
    await paste(lab.targetDatabase, before.check('target schema fairlead'));
    const after = await again(lab, role);
    expect(after.check('target schema fairlead').verdict).toBe('good');
    const owner = after.check(`${SHIP} owner of wide tables`);
    expect(owner).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('tbl_data_timeseries_imo9976903_1 belongs to fairlead'),
    });
    await paste(lab.targetDatabase, owner);
    expect((await again(lab, role)).check(`${SHIP} owner of wide tables`).verdict).toBe('good');
  });

  it('hide rows by a policy, which is said', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major, sourceUrl: role.url });
    const { sourceDatabase: database } = lab;
    await fillNarrowTable(database, { ships: ['IMO9976903', 'IMO9976915'] });
    await grantAll(database, role.name);
    await database.query(
      `alter table tenant.tbl_data_timeseries enable row level security;
       create policy one on tenant.tbl_data_timeseries using (ship_id = 'IMO9976915')`,
    );
    const { check } = await preflight(lab);
    expect(check('source row security')).toMatchObject({ verdict: 'look' });
    await paste(database, check('source row security'));
    const after = await again(lab, role);
    expect(after.check('source row security').verdict).toBe('good');
    expect(after.check('ships').found).toContain('the source holds 2');
  });
});

describe('a preflight', () => {
  it('stops at columns of another type, and gives the statement that changes them', async () => {
    await using lab = await migrationLab();
    const { sourceDatabase: database } = lab;
    await insertCells(lab, [
      cell('Integer', '/count', second(0), 1),
      cell('Boolean', '/running', second(0), true),
      cell('Decimal', '/speed', second(0), 1.5),
    ]);
    await database.query(
      `create table tenant.tbl_data_timeseries_imo9976903_1 (
         created_time timestamp, "/count" double precision, "/running" double precision, "/speed" double precision)`,
    );
    const { check } = await preflight(lab);
    const columns = check(`${SHIP} columns`);
    expect(columns.verdict).toBe('stop');
    expect(columns.fix).toMatch(/^alter table "tenant"/);
    expect(columns.fix).toContain('add primary key (created_time)');
    await paste(database, columns);
    expect((await preflight(lab)).check(`${SHIP} columns`).verdict).toBe('good');
    await anew(lab, planAndPrepare);
  });

  it('looks at a trigger on a wide table', async () => {
    await using lab = await migrationLab();
    await fillNarrowTable(lab.sourceDatabase);
    const { tables } = await planAndPrepare(lab);
    await lab.targetDatabase.query(
      `create function tenant.odd() returns trigger language plpgsql as 'begin return null; end';
       create trigger odd before insert on ${tables[0]} for each row execute function tenant.odd()`,
    );
    const { check } = await preflight(lab);
    expect(check(`${SHIP} triggers`).verdict).toBe('look');
    await paste(lab.targetDatabase, check(`${SHIP} triggers`));
    expect((await preflight(lab)).checks.filter(({ name }) => name === 'triggers')).toEqual([]);
  });

  it('counts both pools where source and target share a limit, and only there', async () => {
    await using reader = await ownRole();
    await using writer = await ownRole();
    await using lab = await migrationLab({ sourceUrl: reader.url, targetUrl: writer.url });
    const { sourceDatabase: database } = lab;
    await grantAll(database, reader.name);
    await database.query(`alter role ${writer.name} connection limit 12`);
    const own = await preflight(lab);
    expect(own.check('target connections')).toMatchObject({
      verdict: 'good',
      found: expect.stringContaining('a worker takes 10 at most'),
    });
    await database.query(`alter database ${database.name} connection limit 12`);
    const shared = await preflight(lab);
    expect(shared.check('target connections')).toMatchObject({
      verdict: 'look',
      found: expect.stringContaining(
        'a worker takes 20 at most, because source and target share it',
      ),
    });
  });

  it('stops where a role has too few connections, and says how many are left for others', async () => {
    await using role = await ownRole();
    await using lab = await migrationLab({ sourceUrl: role.url, targetUrl: role.url });
    const { sourceDatabase: database } = lab;
    await grantAll(database, role.name);
    await database.query(`alter role ${role.name} connection limit 3`);
    const before = await preflight(lab);
    expect(before.check('source connections')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining(`role ${role.name}'s limit 3`),
    });
    await paste(database, before.check('source connections'));
    const after = await preflight(lab);
    expect(after.check('source connections')).toMatchObject({
      verdict: 'good',
      found: expect.stringMatching(/leaves \d+ for others/),
    });
    await database.query(`alter database ${database.name} connection limit 21`);
    expect((await preflight(lab)).check('source connections')).toMatchObject({
      verdict: 'look',
      found: expect.stringContaining(`database ${database.name}'s limit 21`),
    });
  });
});
