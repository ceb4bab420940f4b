import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';

const [SHIP, OTHER] = ['IMO9976903', 'IMO9976915'];
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T08:00'];
const WIDE = `tenant.tbl_data_timeseries_${SHIP.toLowerCase()}_4`;

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);
const query = (text: string) => world.database.query(text);

beforeAll(async () => {
  world = await commandWorld();
  for (const ship of [SHIP, OTHER])
    await world.database.query(
      `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
       select $1, '/a/' || channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n * channel
         from generate_series(0, 1919) n, generate_series(1, 4) channel`,
      [ship],
    );
  worker = await world.startWorker();
  expect((await fairlead('migrate', SHIP, OTHER, ...RANGE)).exitCode).toBe(0);
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('verify --repair', { timeout: 180_000 }, () => {
  it('names what differs, with both values, and says what to type', async () => {
    await query(
      `update ${WIDE} set "/a/1" = -1, "/a/2" = null where created_time = '2025-06-15 01:00';
       delete from ${WIDE} where created_time = '2025-06-15 01:01';
       insert into ${WIDE} (created_time, "/a/3") values ('2025-06-15 01:00:01', 7);
       update ${WIDE} set "/a/3" = "/a/4", "/a/4" = "/a/3" where created_time between '2025-06-15 05:00' and '2025-06-15 05:10';
       alter table ${WIDE} add column "/theirs" text;
       update ${WIDE} set "/theirs" = 'kept' where created_time >= '2025-06-15 00:59'`,
    );
    const { exitCode, stdout } = await fairlead('verify', SHIP);
    expect(exitCode).toBe(4);
    const at = '2025-06-15T01:00:00.000Z';
    expect(stdout).toContain(`${SHIP} /a/1 ${at}: differs: source 240, target -1`);
    expect(stdout).toContain(`${SHIP} /a/2 ${at}: not in the target: source 480`);
    expect(stdout).toContain(`${SHIP} /a/3 2025-06-15T01:00:01.000Z: only in the target: 7`);
    expect(stdout).toContain(
      `${SHIP} /a/3 2025-06-15T05:00:00.000Z: differs: source 3600, target 4800`,
    );
    expect(stdout.match(/^IMO9976903 \/a/gm)).toHaveLength(20);
    expect(stdout).toContain('and 69 more');
    expect(stdout).toContain(`fairlead verify ${SHIP} --from `);
    expect(stdout).toContain('--repair');
  });

  it('migrates what differs again, and shows the figures before and after', async () => {
    const { exitCode, json, stderr } = await fairlead('verify', SHIP, OTHER, '--repair', '--json');
    expect(stderr).toContain(`${SHIP}: repaired, 2 ranges`);
    expect(stderr).toContain(`${OTHER}: nothing differs, there is nothing to repair`);
    expect(exitCode).toBe(0);
    const [damaged, sound] = json().ships;
    expect(damaged).toMatchObject({
      ship: SHIP,
      cells: { source: 7_680, matched: 7_592, missing: 5, different: 83, extra: 1 },
      repair: {
        ranges: [
          { from: '2025-06-15T00:00:00.000Z', to: '2025-06-15T02:00:00.000Z' },
          { from: '2025-06-15T04:00:00.000Z', to: '2025-06-15T06:00:00.000Z' },
        ],
        chunks: { total: 2, done: 2, failed: 0 },
        cells: { source: 3_840, matched: 3_840, missing: 0, different: 0, extra: 0 },
      },
    });
    expect(sound).not.toHaveProperty('repair');
    const { rows } = await world.database.query<{ kept: number }>(
      `select count("/theirs")::int as kept from ${WIDE}`,
    );
    expect(rows[0]!.kept).toBe(1_684);
    expect((await fairlead('verify', SHIP)).exitCode).toBe(0);
    const status = (await fairlead('status', SHIP, '--json')).json();
    expect(status.ships).toMatchObject([{ verified: true, chunks: { total: 4, done: 4 } }]);
  });

  it('makes a table again that was dropped, and fills it', async () => {
    await query(`drop table ${WIDE}`);
    const found = await fairlead('verify', SHIP);
    expect(found.exitCode, found.stderr).toBe(4);
    expect(found.stdout).toContain(
      `${SHIP} /a/1 2025-06-15T00:00:00.000Z: not in the target: source 0`,
    );
    expect(found.stdout.match(/^IMO9976903 \/a/gm)).toHaveLength(20);
    expect(found.stdout).toContain('and 7,660 more');
    expect(found.stdout).toContain('--repair');
    const proven = await fairlead('migrate', SHIP, ...RANGE);
    expect(proven.exitCode, proven.stderr).toBe(0);
    expect(proven.stderr).toContain(`4 columns of ${WIDE} were dropped`);
    await query(`drop table ${WIDE}`);
    const { exitCode, json } = await fairlead('verify', SHIP, '--repair', '--json');
    expect(exitCode).toBe(0);
    const equal = { source: 7_680, matched: 7_680, missing: 0 };
    expect(json().ships).toMatchObject([{ cells: { missing: 7_680 }, repair: { cells: equal } }]);
    await query(`drop table ${WIDE}`);
    expect((await fairlead('migrate', SHIP, '--redo', ...RANGE)).exitCode).toBe(0);
    expect((await fairlead('verify', SHIP)).exitCode).toBe(0);
  });

  it('ends with 4 where the damage cannot be repaired', async () => {
    await query(
      `update ${WIDE} set "/a/1" = -1 where created_time = '2025-06-15 07:00';
       alter table ${WIDE} add constraint no_cell check (created_time <> '2025-06-15 07:00') not valid`,
    );
    const { exitCode, stdout, stderr } = await fairlead('verify', SHIP, '--repair');
    expect(exitCode).toBe(4);
    expect(stdout).toMatch(/before .*\n.*after, 1 range/);
    expect(stderr).toContain(`1 chunk failed again; why: fairlead failed ${SHIP}`);
    expect(stderr).toContain('differs: source 1680, target -1');
    await query(`alter table ${WIDE} drop constraint no_cell`);
    expect((await fairlead('verify', SHIP, '--repair')).exitCode).toBe(0);
    expect((await fairlead('failed', '--csv')).stdout).toBe('');
  });
});
