import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';
import { fillSixHours } from './fill-six-hours.ts';

const [SHIP, FRESH, LONG] = ['IMO9976903', 'IMO9976915', 'IMO9976927'];
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];
const WIDE = `tenant.tbl_data_timeseries_${SHIP.toLowerCase()}_4`;
const line = (ship: string, from: string, to: string) =>
  `${ship},2025-06-15 ${from},2025-06-15 ${to}\n`;
const FAILED = line(SHIP, '02:00:00.000000', '04:00:00.000000');

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);

async function reprocess(text: string, ...words: string[]) {
  const file = join(world.folder, 'post_proc.csv');
  await writeFile(file, text);
  return fairlead('reprocess', file, ...words);
}

/** What holds for a ship at the end, whatever chunks it was migrated in. */
async function expectWhole(ship: string): Promise<void> {
  const { ships } = (await fairlead('status', ship, '--json')).json();
  expect(ships).toMatchObject([
    { phase: 'finished', verified: true, cells: { read: 5_760, written: 5_760 } },
  ]);
  const { exitCode, json } = await fairlead('verify', ship, '--json');
  expect(exitCode).toBe(0);
  expect(json().ships).toMatchObject([{ cells: { source: 5_760, matched: 5_760 } }]);
}

beforeAll(async () => {
  world = await commandWorld();
  for (const ship of [SHIP, FRESH, LONG]) await fillSixHours(world, ship);
  worker = await world.startWorker();
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('reprocess', { timeout: 180_000 }, () => {
  it('tells all faults of a file with their lines, and starts nothing', async () => {
    const { exitCode, stderr, stdout } = await reprocess(
      line(SHIP, '02:00', '04:00') +
        line('IMO9976904', '02:00', '04:00') +
        line(SHIP, '04:00', '02:00') +
        'x\n',
    );
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('3 faults, nothing was started');
    expect(stderr).toContain('line 2: ship IMO9976904 is unknown: did you mean IMO9976903?');
    expect(stderr).toContain('line 3: from 2025-06-15 04:00 is not before to 2025-06-15 02:00');
    expect(stderr).toContain('line 4: has 1 field, expected 3: ship,from,to');
    expect((await fairlead('status', '--json')).json().ships).toEqual([]);
    const absent = await fairlead('reprocess', 'nowhere.csv', '--json');
    expect(absent.exitCode).toBe(2);
    expect(absent.json().error).toMatchObject({
      code: 'ranges-invalid',
      message: 'nowhere.csv is not there',
    });
  });

  it('has nothing to do for an empty file', async () => {
    const { exitCode, stdout, stderr } = await reprocess('');
    expect([exitCode, stdout]).toEqual([0, '']);
    expect(stderr).toContain('nothing to do');
    expect((await fairlead('reprocess', '-')).exitCode).toBe(0);
  });

  it('lists what still fails in the form of the file, until nothing does', async () => {
    await fairlead('migrate', SHIP, '--from', '2025-06-15', '--to', '2025-06-15T02:00');
    await world.database.query(
      `alter table ${WIDE} add constraint no_cell check (created_time <> '2025-06-15 03:00')`,
    );
    expect((await fairlead('migrate', SHIP, ...RANGE)).exitCode).toBe(4);
    const { stdout: failed } = await fairlead('failed', '--csv');
    expect(failed).toBe(FAILED);

    const first = await reprocess(failed);
    expect([first.exitCode, first.stdout]).toEqual([4, FAILED]);
    expect(first.stderr).toContain(`of 1 ranges of ${SHIP} 0 are proven already`);
    expect(first.stderr).toContain(`1 range is still failing; to see why: fairlead failed ${SHIP}`);

    const split =
      line(SHIP, '01:30', '02:59') + line(SHIP, '02:59', '03:01') + line(SHIP, '03:01', '04:00');
    const second = await reprocess(split);
    expect(second.exitCode).toBe(4);
    expect(second.stdout).toBe(FAILED);

    await world.database.query(`alter table ${WIDE} drop constraint no_cell`);
    const third = await reprocess(FAILED + FAILED, '--json');
    expect(third.exitCode).toBe(0);
    expect(third.json()).toMatchObject({
      ships: [{ ship: SHIP, chunks: { total: 1, done: 1, failed: 0 }, cells: { read: 1_920 } }],
      ranges: { total: 2, proven: 0 },
      failing: [],
    });
    expect((await fairlead('failed', '--csv')).stdout).toBe('');
    await expectWhole(SHIP);
    const fourth = await reprocess(FAILED);
    expect([fourth.exitCode, fourth.stdout]).toEqual([0, '']);
    expect(fourth.stderr).toContain(`of 1 ranges of ${SHIP} 1 is proven already`);
  });

  it('migrates exactly the ranges of a ship that has no migration, and migrate the rest', async () => {
    const { exitCode, stdout } = await reprocess(
      `\uFEFFship,from,to\r\n${line(FRESH, '00:10:40.388958', '05:10:40.388958')}\r\n`.replaceAll(
        '\n',
        '\r\n',
      ) +
        line(FRESH, '01:00', '01:30') +
        line(FRESH, '05:30', '05:40'),
    );
    expect([exitCode, stdout]).toEqual([0, '']);
    const { rows } = await world.database.query<{ chunk: string }>(
      `select to_char(from_time, 'HH24:MI:SS.US') || ' ' || status as chunk from ${world.ledger}.chunk
        where ship_id = $1 order by from_time`,
      [FRESH],
    );
    expect(rows.map(({ chunk }) => chunk)).toEqual([
      '00:10:40.388958 done',
      '02:00:00.000000 done',
      '04:00:00.000000 done',
      '05:30:00.000000 done',
    ]);
    const { ships } = (await fairlead('status', FRESH, '--json')).json();
    expect(ships).toMatchObject([{ verified: false, chunks: { done: 4, failed: 0 } }]);
    expect((await fairlead('migrate', FRESH, ...RANGE)).exitCode).toBe(0);
    await expectWhole(FRESH);
  });

  it('is shown, paused, cancelled, and joined with the same file only', async () => {
    const minutes = Array.from({ length: 90 }, (_, index) => {
      const [hour, minute] = [Math.floor(index / 15), (index % 15) * 4];
      const at = (second: number) => `0${hour}:${String(minute).padStart(2, '0')}:${second}0`;
      return line(LONG, at(0), at(3));
    }).join('');
    const running = reprocess(minutes);
    const phase = async () => (await fairlead('status', LONG, '--json')).json().ships[0]?.phase;
    await expect.poll(() => phase().catch(() => ''), { timeout: 20_000 }).toBe('copying');
    expect((await fairlead('pause', LONG)).exitCode).toBe(0);
    expect((await fairlead('set-window', LONG, '1')).exitCode).toBe(0);
    const status = await fairlead('status', LONG);
    expect(status.stderr).toContain(`${LONG}: a reprocess of 90 ranges of 0.8 hours, 2025-06-15`);
    expect(status.stderr).toContain('is paused');
    const asked = line(LONG, '08:00:00.000000', '10:00:00.000000');
    const other = await reprocess(asked);
    expect(other.exitCode).toBe(3);
    expect(other.stdout).toBe(asked);
    expect(other.stderr).toContain('90 ranges of 0.8 hours');
    expect(other.stderr).toContain('runs already; asked was 1 range of 2 hours');
    expect((await fairlead('cancel', LONG)).exitCode).toBe(0);
    const first = await running;
    expect(first.exitCode).toBe(4);
    const left = first.stdout.split('\n').length - 1;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(90);
    const both = await Promise.all([reprocess(first.stdout), reprocess(first.stdout)]);
    expect(both.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual([
      [0, ''],
      [0, ''],
    ]);
  });
});

it('says that no worker is there, and what is open all the same', async () => {
  await using idle = await commandWorld();
  await idle.database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     values ($1, '/a/1', '2025-06-15 03:00', 'Decimal', 1)`,
    [SHIP],
  );
  const file = join(idle.folder, 'post_proc.csv');
  await writeFile(file, FAILED);
  const { exitCode, stdout, stderr } = await idle.fairlead('reprocess', file);
  expect([exitCode, stdout]).toEqual([3, FAILED]);
  expect(stderr).toContain('fairlead worker');
  const { json } = await idle.fairlead('status', SHIP, '--json');
  expect(json().ships).toMatchObject([{ ship: SHIP, phase: 'planning', verified: false }]);
});
