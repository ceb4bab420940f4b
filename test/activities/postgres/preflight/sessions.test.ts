import { describe, expect, it } from 'vitest';
import { acceptedChecks, keepaliveChecks } from '../../../../activities/postgres/preflight/path.ts';
import type { ServerFacts } from '../../../../activities/postgres/preflight/server-facts.ts';
import { MAJORS, migrationLab } from '../../../migration-databases.ts';
import { anew, fillNarrowTable, grantAll, ownRole, paste, preflight } from './preflight-lab.ts';

describe.each(MAJORS)('preflight on PostgreSQL %i', (major) => {
  it('finds nothing that a fresh database would have to change', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major, sourceUrl: role.url, targetUrl: role.url });
    await grantAll(lab.sourceDatabase, role.name);
    await fillNarrowTable(lab.sourceDatabase);
    await lab.sourceDatabase.query('analyze tenant.tbl_data_timeseries');
    const found = await preflight(lab);
    expect(found.notGood).toEqual(['look source late cells', 'look target disk']);
    await lab.sourceDatabase.query(found.check('source late cells').fix!);
    expect((await preflight(lab)).notGood).toEqual(['look target disk']);
    expect(found.reached).toBe(true);
    expect(found.checks.filter((check) => check.found.includes('not to be had'))).toEqual([]);
    expect(found.check('source version').found).toContain(`PostgreSQL ${major}.`);
    expect(found.check('target keepalive').found).toContain('after 30 s, every 10 s, 5 times');
    expect(found.check('source path').found).toContain('direct, by TCP');
    expect(found.check('source settings').verdict).toBe('good');
  });

  it('names where each timeout comes from, and what Fairlead sets over it', async () => {
    await using role = await ownRole(major);
    await using lab = await migrationLab({ major, sourceUrl: role.url });
    const { sourceDatabase: database } = lab;
    await grantAll(database, role.name);
    await database.query(`alter role ${role.name} set statement_timeout = '5s'`);
    await database.query(`alter database ${database.name} set lock_timeout = '90s'`);
    await database.query(
      `alter role ${role.name} in database ${database.name} set idle_in_transaction_session_timeout = '20min'`,
    );
    const { check } = await preflight(lab);
    expect(check('source statement_timeout').found).toContain(
      `5s (alter role ${role.name} set statement_timeout = '5s')`,
    );
    expect(check('source lock_timeout')).toMatchObject({
      verdict: 'good',
      found: expect.stringContaining(`alter database ${database.name} set lock_timeout = '90s'`),
    });
    expect(check('source idle_in_transaction_session_timeout').found).toContain(
      `20m (alter role ${role.name} in database ${database.name} set idle_in_transaction_session_timeout = '20min')`,
    );
    expect(check('target statement_timeout').found).toContain('off (the built-in default)');
  });
});

describe('preflight', () => {
  it('names the key of fairlead.toml where a timeout is one of ours', async () => {
    await using lab = await migrationLab({ timing: { statementTimeoutMs: 2_000 } });
    await fillNarrowTable(lab.sourceDatabase);
    const { check } = await preflight(lab);
    expect(check('source statement_timeout')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining('2s, set by Fairlead'),
      fix: '# raise statementTimeout under [timing] in fairlead.toml',
    });
  });

  it('stops at a timeout that ends every chunk, and is content once its fix was pasted', async () => {
    await using role = await ownRole();
    await using lab = await migrationLab({ targetUrl: role.url });
    const { targetDatabase: database } = lab;
    await grantAll(database, role.name);
    await database.query(`alter role ${role.name} set transaction_timeout = '30s'`);
    await database.query(`alter database ${database.name} set tcp_user_timeout = '20s'`);
    const before = await preflight(lab);
    expect(before.check('target transaction_timeout')).toMatchObject({
      verdict: 'stop',
      found: expect.stringContaining(`alter role ${role.name} set transaction_timeout = '30s'`),
    });
    expect(before.check('target tcp_user_timeout').verdict).toBe('look');
    expect(before.check('source tcp_user_timeout').verdict).toBe('look');
    await paste(database, before.check('target transaction_timeout'));
    await paste(database, before.check('target tcp_user_timeout'));
    const after = await anew(lab, preflight, role.url);
    expect(after.check('target transaction_timeout').verdict).toBe('good');
    expect(after.check('target tcp_user_timeout').verdict).toBe('good');
  });

  it('says that a timeout in the URL itself has to go there', async () => {
    const withOption = (url: string) => `${url}?options=-c%20idle_session_timeout%3D30s`;
    await using lab = await migrationLab({ sourceUrl: withOption });
    const { check } = await preflight(lab);
    expect(check('source idle_session_timeout')).toMatchObject({
      verdict: 'look',
      found: expect.stringContaining('30s (options in the URL)'),
      fix: expect.stringContaining('options='),
    });
  });

  it('tells what the server did not accept, and how long it takes to notice then', () => {
    const side = {
      role: 'source' as const,
      facts: { isUnixSocket: false, isPooled: false, user: 'r', database: 'd' } as ServerFacts,
    };
    const value = (text: string) => ({ text, ms: 0, source: 'default', file: undefined });
    const settings = Object.entries({ idle: '7200', interval: '75', count: '9' }).map(
      ([part, text]) => {
        const name = `tcp_keepalives_${part}`;
        const both = { inForce: value(text), without: value(text), statement: undefined };
        return [name, { name, ...both }] as const;
      },
    );
    const refused = { accepted: false, refusal: 'not on this platform' };
    const outcomes = [
      { name: 'jit', asked: 'off', found: 'off', accepted: true },
      { name: 'tcp_keepalives_idle', asked: '30', found: '7200', ...refused },
      { name: 'client_connection_check_interval', asked: '10000', found: '0', ...refused },
    ];
    expect(keepaliveChecks(side, new Map(settings), outcomes)).toMatchObject([
      {
        verdict: 'look',
        found: expect.stringContaining('7875 s'),
        fix: 'alter role "r" in database "d" set tcp_keepalives_idle = 30;',
      },
    ]);
    expect(acceptedChecks(side, outcomes)).toMatchObject([
      {
        verdict: 'look',
        found: expect.stringContaining(
          'client_connection_check_interval is 0 instead of 10000 (not on this platform)',
        ),
      },
    ]);
  });
});
