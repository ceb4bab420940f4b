import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { preflightText } from '../../cli/preflight-text.ts';
import { checksOf, type PreflightReport } from '../../domain/preflight.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';
import { fillSixHours } from './fill-six-hours.ts';

interface Line {
  name: string;
  verdict: string;
  found: string;
  fix: string | null;
}

let world: CommandWorld;

beforeAll(async () => {
  world = await commandWorld();
  await fillSixHours(world, 'IMO9976903');
});

afterAll(() => world[Symbol.asyncDispose]());

const linesOf = (stdout: string) => (JSON.parse(stdout) as { checks: Line[] }).checks;

describe.sequential('fairlead preflight', () => {
  it('answers in the form of the contract', async () => {
    const { exitCode, stdout, stderr } = await world.fairlead('preflight', '--json');
    expect(exitCode, stderr).toBe(0);
    const document = JSON.parse(stdout) as Record<string, Record<string, unknown>[]>;
    expect(Object.keys(document)).toEqual(['checks', 'ships']);
    for (const check of document['checks']!)
      expect(Object.keys(check)).toEqual(['name', 'verdict', 'found', 'fix']);
    expect(document['ships']).toEqual([
      {
        ship: 'IMO9976903',
        from: '2025-06-15T00:00:00.000Z',
        to: '2025-06-15T06:00:00.000Z',
        chunks: 3,
        estimatedCells: 5_760,
        estimatedSeconds: expect.any(Number),
      },
    ]);
    const names = linesOf(stdout).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(linesOf(stdout).find(({ name }) => name === 'workers')).toMatchObject({
      verdict: 'look',
      fix: 'fairlead worker',
    });
  });

  it('shows the same to people, and ends with the count', async () => {
    const { exitCode, stdout } = await world.fairlead('preflight', 'IMO9976903');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^servers\n(good|look) /);
    expect(stdout).toMatch(/\n0 stop, \d+ look, \d+ good\n$/);
  });

  it('ends with 2 for a ship that is not there, and 75 without its database', async () => {
    const unknown = await world.fairlead('preflight', 'IMO9976915', '--json');
    expect(unknown.exitCode).toBe(2);
    expect(unknown.json().error.code).toBe('ship-unknown');
    const nobody = (url: string) => Object.assign(new URL(url), { port: '9' }).href;
    await using away = await commandWorld({ targetUrl: nobody });
    const { exitCode, stdout } = await away.fairlead('preflight', '--json');
    expect(exitCode).toBe(75);
    expect(linesOf(stdout).find(({ name }) => name === 'source version')?.verdict).toBe('good');
  });

  it('ends with 3 when a person must act, and names what is first', async () => {
    await world.database.query(
      `create table tenant.tbl_data_timeseries_imo9976903_4 (created_time timestamp primary key, "/a/1" text)`,
    );
    const { exitCode, stdout } = await world.fairlead('preflight');
    expect(exitCode).toBe(3);
    expect(stdout).toContain('alter column "/a/1" type double precision');
    expect(stdout).toMatch(/\n1 stop, .*; first: IMO9976903 columns\n$/);
  });
});

describe('the text of a preflight', () => {
  const { good, look } = checksOf('servers', 'source');
  const target = checksOf('servers', 'target');
  const report = (checks: PreflightReport['checks']): PreflightReport => ({
    checks,
    ships: [],
    reached: true,
  });
  const long = Array.from({ length: 40 }, (_, index) => `word${index}`).join(' ');

  it.each([60, 80, 160])('fits %i columns, but for what is to be pasted', (width) => {
    const fix = `alter table t\n  alter column c type text using c::text;   -- ${long}`;
    const text = preflightText(
      report([good('idle_in_transaction_session_timeout', long), look('b', long, fix)]),
      width,
    );
    const lines = text.split('\n').filter((line) => !line.includes('--'));
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
    expect(text).toContain(`\n      ${fix.split('\n')[0]}\n`);
  });

  it('says once what both databases say alike', () => {
    const twins = [good('version', 'PostgreSQL 18'), target.good('version', 'PostgreSQL 18')];
    expect(preflightText(report(twins), 80)).toMatch(
      /^servers\ngood  both version +PostgreSQL 18\n/,
    );
    const others = [good('version', 'PostgreSQL 18'), target.good('version', 'PostgreSQL 13')];
    expect(preflightText(report(others), 80)).toContain('target version');
  });

  it('leaves the rest of a long statement to the JSON document', () => {
    const fix = Array.from({ length: 655 }, (_, index) => `line ${index}`).join('\n');
    const text = preflightText(report([look('columns', 'differ', fix)]), 80);
    expect(text).toContain('… 639 more lines: see "fix" of fairlead preflight --json');
  });
});
