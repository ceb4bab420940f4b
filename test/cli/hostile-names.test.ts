// Names come from the data, and so from whoever may write them.
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type Answer, type CommandWorld } from './command-world.ts';

const ESCAPE = '\u001b';
const SHIPS = [
  `a'b"c\\d;--$$%s{group}`,
  `${ESCAPE}[2J${ESCAPE}]0;owned\u0007\u009b1m`,
  'one\nfairlead: all is well',
  '\u202egnp.evil\u2066\u200f',
  '../../etc/passwd',
  'ＩＭＯ9976903',
  '$(touch owned)`touch owned`',
  "'); drop schema fairlead; --",
];
const LONG = 'x'.repeat(70);
const CHANNELS = [
  `/a'b"c\\d;--$$%s`,
  `/${ESCAPE}[31mred`,
  '/new\r\nline\t',
  '/\u202eright',
  '/../../up',
  '/Ａ',
  'created_time',
  'ctid',
  'tableoid',
  `/${LONG}1`,
  `/${LONG}2`,
  '/"; drop table tenant.tbl_data_timeseries; --',
];
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T02:00'];

/** What a terminal would obey, or a person would not see: controls but for line breaks, and marks that turn the text. */
const OBEYED = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe.sequential('ships and channels with hostile names', () => {
  let world: CommandWorld;
  let worker: Awaited<ReturnType<CommandWorld['startWorker']>>;

  beforeAll(async () => {
    world = await commandWorld();
    // Where a backslash escapes, in every string that is not an E'…'.
    await world.database.query(
      `alter database ${world.database.name} set standard_conforming_strings = off`,
    );
    await world.database.query(
      `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select ship, channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n
         from generate_series(0, 9) n, unnest($1::text[]) ship, unnest($2::text[]) channel`,
      [SHIPS, CHANNELS],
    );
    worker = await world.startWorker();
  });
  afterAll(async () => {
    await worker[Symbol.asyncDispose]();
    await world[Symbol.asyncDispose]();
  });

  /** This installation's. */
  const ledger = async () => {
    const { rows } = await world.database.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class where relname = 'chunk' and relkind = 'r'`,
    );
    return rows[0]!.name;
  };
  const expectHarmless = ({ stdout, stderr }: Answer) => {
    for (const text of [stdout, stderr]) {
      expect(text).not.toMatch(OBEYED);
      expect(text).not.toMatch(/^fairlead: all is well/m);
    }
  };
  const told = async (...words: string[]) => {
    const answer = await world.fairlead(...words);
    expectHarmless(answer);
    return answer;
  };

  it('are migrated, compared and told of, each under its exact name', async () => {
    const migrated = await told('migrate', ...SHIPS, ...RANGE);
    expect(migrated.stderr + migrated.stdout).not.toContain('failed');
    expect(migrated.exitCode).toBe(0);
    const verified = await told('verify', ...SHIPS, '--json');
    expect(verified.exitCode).toBe(0);
    const { ships } = (await told('status', '--json')).json();
    expect(new Set(ships.map(({ ship }) => ship))).toEqual(new Set(SHIPS));
    for (const { chunks } of ships) expect(chunks).toMatchObject({ done: 1, failed: 0 });
    const { rows } = await world.database.query<{ ship: string; cells: string }>(
      `select ship_id as ship, sum(cells_written)::text as cells from ${await ledger()} group by 1`,
    );
    expect(new Map(rows.map(({ ship, cells }) => [ship, cells]))).toEqual(
      new Map(SHIPS.map((ship) => [ship, String(CHANNELS.length * 10)])),
    );
    await told('status');
    await told('verify', ...SHIPS);
    await told('preflight', SHIPS[1]!);
  }, 240_000);

  it('come back exactly as they were from the list of what failed', async () => {
    await world.database.query(
      `update ${await ledger()} set status = 'failed', error = 'because of ' || ship_id`,
    );
    await told('failed');
    const csv = await world.fairlead('failed', '--csv');
    const file = join(world.folder, 'post_proc.csv');
    await writeFile(file, csv.stdout);
    const again = await world.fairlead('reprocess', file, '--json');
    expect(again.exitCode).toBe(0);
    expect(new Set(again.json().ships.map(({ ship }) => ship))).toEqual(new Set(SHIPS));
    expect((await world.fairlead('failed', '--json')).json().failed).toEqual([]);
  }, 240_000);

  it('stand in single quotes where a command is to be typed', async () => {
    const ship = '$(touch owned)`touch owned`';
    const { stderr, exitCode } = await told('pause', ship);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`fairlead migrate '${ship}'`);
    expect(existsSync(join(world.folder, 'owned'))).toBe(false);
  });

  it('are escaped in the page of a diagnosis', async () => {
    const log = join(world.folder, 'a.log');
    await writeFile(
      log,
      `2025-06-15 10:00:00,000 - ERROR - <script>alert(1)</script> ${ESCAPE}[2J\n`,
    );
    const page = join(world.folder, 'a.html');
    await told('diagnose', log, '--html', page);
    const html = await readFile(page, 'utf8');
    expect(html).not.toContain('<script>alert');
    expect(html).not.toMatch(OBEYED);
  });
});
