import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';

const KEYS_OF_SHIP = 'ship from to phase chunks cells seconds cellsPerSecond verified tables'.split(
  ' ',
);
const SIX_HOURS = ['--from', '2025-06-15', '--to', '2025-06-15T06:00'];

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);

/** Six hours of four channels; of the first one, each `everyNth` cell has two values. */
const fill = (ship: string, everyNth = 0) =>
  world.database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, str_v, double_v)
     select $1, '/a/' || channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal',
            case when channel = 1 and $2 > 0 and n % greatest($2, 1) = 0 then 'x' end, n
       from generate_series(0, 1439) n, generate_series(1, 4) channel`,
    [ship, everyNth],
  );

beforeAll(async () => {
  world = await commandWorld({ configuration: '[fleet]\nships = ["IMO9976903", "IMO9976915"]' });
  await fill('IMO9976903');
  await fill('IMO9976915');
});

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('commands', () => {
  it('say what is known before anything was migrated', async () => {
    expect((await fairlead('status', '--json')).json()).toEqual({ ships: [], sensors: [] });
    expect((await fairlead('failed', '--json')).json()).toEqual({ failed: [] });
    const verify = await fairlead('verify', 'IMO9976903', '--json');
    expect(verify.exitCode).toBe(2);
    expect(verify.json().error.code).toBe('ship-unknown');
  });

  it('say within ten seconds that no worker is there, and what to type', async () => {
    const startedAt = Date.now();
    const migrate = await fairlead('migrate', 'IMO9976903', ...SIX_HOURS, '--json');
    expect(Date.now() - startedAt).toBeLessThan(10_000);
    expect(migrate.exitCode).toBe(3);
    expect(migrate.json().error).toMatchObject({ code: 'worker-absent' });
    expect(migrate.stderr).toContain('fairlead worker');
    const status = await fairlead('status', 'IMO9976903', '--json');
    expect(status.exitCode).toBe(0);
    expect(status.stderr).toContain('no worker answers');
    expect(status.json().ships).toMatchObject([{ ship: 'IMO9976903', phase: 'planning' }]);
  });

  it('migrate in the form of the contract, at once when all is proven', async () => {
    worker = await world.startWorker();
    for (const round of [1, 2]) {
      const { exitCode, json, stderr } = await fairlead(
        'migrate',
        'IMO9976903',
        'IMO9976915',
        ...SIX_HOURS,
        '--json',
      );
      expect(exitCode, stderr).toBe(0);
      const { ships } = json();
      expect(ships.map(({ ship }) => ship)).toEqual(['IMO9976903', 'IMO9976915']);
      expect(Object.keys(ships[0]!), `round ${round}`).toEqual(KEYS_OF_SHIP);
      expect(ships[0]).toMatchObject({
        from: '2025-06-15T00:00:00.000Z',
        to: '2025-06-15T06:00:00.000Z',
        phase: 'finished',
        chunks: { total: 3, done: 3, empty: 0, split: 0, failed: 0 },
        cells: { read: 5_760, written: 5_760, nulls: 0, quarantined: 0 },
        verified: true,
        tables: ['tenant.tbl_data_timeseries_imo9976903_4'],
      });
    }
    const status = (await fairlead('status', '--json')).json();
    expect(Object.keys(status)).toEqual(['ships', 'sensors']);
    expect(Object.keys(status.ships[0]!)).toEqual(KEYS_OF_SHIP);
  });

  it('join the fleet that is finished', async () => {
    const { exitCode, json } = await fairlead('migrate', '--fleet', ...SIX_HOURS, '--json');
    expect(exitCode).toBe(0);
    expect(json().ships).toMatchObject([{ verified: true }, { verified: true }]);
  });

  it('begin another migration of the fleet as soon as the last one has ended', async () => {
    const fourHours = ['--from', '2025-06-15', '--to', '2025-06-15T04:00'];
    const { json } = await fairlead('migrate', '--fleet', ...fourHours, '--json');
    expect(json().ships).toMatchObject([{ chunks: { total: 2 } }, { chunks: { total: 2 } }]);
  });

  it.each([['migrate'], ['status'], ['failed'], ['verify']])(
    '%s suggests the ship that an unknown one means',
    async (command) => {
      const { exitCode, json, stderr } = await fairlead(command, 'IMO9976904', '--json');
      expect(exitCode).toBe(2);
      expect(json().error).toMatchObject({ code: 'ship-unknown' });
      expect(stderr).toMatch(/did you mean IMO9976903\?/i);
    },
  );

  it.each([
    [['pause', 'IMO9976903'], 'no migration of IMO9976903 runs'],
    [['cancel', 'IMO9976904'], 'no migration and no verification of IMO9976904 runs'],
  ])('refuse %j as wrong usage', async (words, message) => {
    const { exitCode, json } = await fairlead(...words, '--json');
    expect(exitCode).toBe(2);
    expect(json().error.message).toContain(message);
  });

  it('count quarantine: over one per cent of a channel makes it 4, fewer is a warning', async () => {
    await fill('FEW', 500);
    await fill('MANY', 50);
    const few = await fairlead('migrate', 'FEW', ...SIX_HOURS, '--json');
    expect(few.exitCode, few.stderr).toBe(0);
    expect(few.stderr).toContain('warning: FEW: cells in quarantine: 3 two-values');
    expect(few.json().ships).toMatchObject([{ cells: { quarantined: 3 } }]);
    const many = await fairlead('migrate', 'MANY', ...SIX_HOURS, '--json');
    expect(many.exitCode).toBe(4);
    expect(many.stderr).toContain('over 1 % of the cells of /a/1');
  });

  it('finish with failed chunks, list them, and do them again', async () => {
    await fill('FAILS');
    await fairlead('migrate', 'FAILS', '--from', '2025-06-15', '--to', '2025-06-15T02:00');
    const table = 'tenant.tbl_data_timeseries_fails_4';
    await world.database.query(
      `alter table ${table} add constraint shut check (created_time < '2025-06-15 04:00')`,
    );
    const migrate = await fairlead('migrate', 'FAILS', ...SIX_HOURS, '--json');
    expect(migrate.exitCode).toBe(4);
    expect(migrate.stderr).toContain('FAILS finished with 1 failed chunk;');
    expect(migrate.json().ships).toMatchObject([
      { verified: false, chunks: { total: 3, done: 2, failed: 1 } },
    ]);
    const range = { from: '2025-06-15T04:00:00.000Z', to: '2025-06-15T06:00:00.000Z' };
    const error = expect.stringContaining('shut');
    expect((await fairlead('failed', 'FAILS', '--json')).json()).toEqual({
      failed: [{ ship: 'FAILS', ...range, error }],
    });
    expect((await fairlead('failed', '--csv')).stdout).toBe(
      'FAILS,2025-06-15 04:00:00.000000,2025-06-15 06:00:00.000000\n',
    );
    await world.database.query(`alter table ${table} drop constraint shut`);
    const again = await fairlead('migrate', 'FAILS', ...SIX_HOURS, '--width', '1h', '--json');
    expect(again.exitCode, again.stderr).toBe(0);
    expect((await fairlead('failed', '--json')).json()).toEqual({ failed: [] });
  });

  it('verify finds what was damaged, and says what to type', async () => {
    const table = 'tenant.tbl_data_timeseries_imo9976915_4';
    await world.database.query(`delete from ${table} where created_time = '2025-06-15 01:00'`);
    await world.database.query(
      `update ${table} set "/a/2" = -1 where created_time = '2025-06-15 03:00'`,
    );
    const { exitCode, json } = await fairlead('verify', 'IMO9976915', '--json');
    expect(exitCode).toBe(4);
    expect(json()).toEqual({
      ships: [
        {
          ship: 'IMO9976915',
          from: '2025-06-15T00:00:00.000Z',
          to: '2025-06-15T06:00:00.000Z',
          cells: {
            source: 5_760,
            matched: 5_755,
            missing: 4,
            different: 1,
            extra: 0,
            quarantined: 0,
          },
        },
      ],
    });
    const sound = ['--from', '2025-06-15T04:00', '--to', '2025-06-15T05:00'];
    const fleet = await fairlead('verify', '--fleet', ...sound, '--json');
    expect(fleet.exitCode, fleet.stderr).toBe(0);
    expect(fleet.json().ships).toMatchObject([{ ship: 'IMO9976903' }, { ship: 'IMO9976915' }]);
    expect((await fairlead('verify', 'IMO9976915')).stdout).toContain('--repair');
  });
});
