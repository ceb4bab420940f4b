import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandWorld, type CommandWorld } from './command-world.ts';

const [SHIP, OTHER] = ['IMO9976903', 'IMO9976915'];
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T08:00'];
const TABLE = 'tenant.tbl_data_timeseries';

let world: CommandWorld;
let worker: AsyncDisposable;
const fairlead = (...words: string[]) => world.fairlead(...words);
const query = (text: string) => world.database.query(text);

const insert = (channel: string, at: string) =>
  query(
    `insert into ${TABLE} (ship_id, data_channel_id, created_time, value_format, double_v)
     values ('${SHIP}', '${channel}', '${at}', 'Decimal', 7)`,
  );

beforeAll(async () => {
  world = await commandWorld();
  await query(`alter table ${TABLE} set (autovacuum_enabled = off)`);
  for (const ship of [SHIP, OTHER])
    await query(
      `insert into ${TABLE} (ship_id, data_channel_id, created_time, value_format, double_v)
       select '${ship}', '/a/' || channel, timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n * channel
         from generate_series(0, 1919) n, generate_series(1, 4) channel`,
    );
  worker = await world.startWorker();
  const { exitCode, stderr } = await fairlead('migrate', SHIP, OTHER, ...RANGE);
  expect(exitCode).toBe(0);
  expect(stderr).not.toContain('came late');
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.sequential('verify --late', { timeout: 180_000 }, () => {
  it('finds nothing where nothing came', async () => {
    const { exitCode, stderr } = await fairlead('verify', SHIP, OTHER, '--late');
    expect(stderr).toContain(`${SHIP}: no cell came late`);
    expect(stderr).toContain('rows that filled gaps in older blocks were not looked at');
    expect(exitCode).toBe(0);
  });

  it('names what came, by chunk and by cell, and says what to type', async () => {
    await insert('/a/1', '2025-06-15 01:00:01');
    await insert('/new', '2025-06-15 01:00:02');
    await insert('/a/1', '2025-06-15 05:00:01');
    await insert('/a/1', '2025-06-15 09:00:01');
    const { exitCode, stderr, json } = await fairlead('verify', SHIP, OTHER, '--late', '--json');
    expect(exitCode).toBe(4);
    expect(stderr).toContain(`${SHIP} 2025-06-15 00:00 → 02:00: 2 cells came late`);
    expect(stderr).toContain(
      `${SHIP} /new 2025-06-15T01:00:02.000Z: came late, and is not in the target`,
    );
    expect(stderr).toContain(`fairlead verify ${SHIP} --late --repair`);
    expect(json().ships).toMatchObject([
      {
        ship: SHIP,
        cells: { missing: 3, different: 0, extra: 0 },
        late: {
          by: 'blocks',
          chunks: [
            { from: '2025-06-15T00:00:00.000Z', to: '2025-06-15T02:00:00.000Z', cells: 2 },
            { from: '2025-06-15T04:00:00.000Z', to: '2025-06-15T06:00:00.000Z', cells: 1 },
          ],
        },
      },
      { ship: OTHER, cells: { missing: 0 } },
    ]);
  });

  it('copies those chunks again, and looks once more', async () => {
    const words = ['--late', '--repair', '--json'];
    const { exitCode, stderr, json } = await fairlead('verify', SHIP, OTHER, ...words);
    expect(stderr).toContain(`${SHIP}: repaired, nothing is missing any more`);
    expect(json().ships[0]).toMatchObject({
      cells: { missing: 3 },
      repair: { chunks: { total: 2, done: 2 }, cells: { missing: 0 } },
    });
    expect(exitCode).toBe(0);
    expect((await fairlead('verify', SHIP)).exitCode).toBe(0);
  });

  it('is part of a migration, which tells how many it has copied', async () => {
    await insert('/a/1', '2025-06-15 03:00:01');
    const { exitCode, stderr, json } = await fairlead('migrate', SHIP, ...RANGE, '--json');
    expect(stderr).toContain(`${SHIP}: 1 cell came late, and were copied`.replace('were', 'was'));
    expect(json().ships[0]).toMatchObject({ verified: true, chunks: { total: 4, done: 4 } });
    expect(exitCode).toBe(0);
  });

  it('says what to type where nothing tells what is new, and so does a migration', async () => {
    await query(`vacuum ${TABLE}`);
    const { exitCode, stderr } = await fairlead('verify', SHIP, '--late');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('was vacuumed once');
    expect(stderr).toContain(`create index concurrently on ${TABLE} (id);`);
    const migrated = await fairlead('migrate', SHIP, ...RANGE);
    expect(migrated.exitCode).toBe(0);
    expect(migrated.stderr).toContain(`${SHIP}: late cells were not looked for: `);
    await insert('/a/1', '2025-06-15 01:30:01');
    await query(`create index concurrently on ${TABLE} (id);`);
    const found = await fairlead('verify', SHIP, '--late', '--json');
    expect(found.json().ships).toMatchObject([{ cells: { missing: 1 }, late: { by: 'id' } }]);
    expect(found.exitCode).toBe(4);
  });

  it('tells a ship that was never migrated', async () => {
    const { exitCode, stderr } = await fairlead('verify', 'IMO9976927', '--late');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('IMO9976927');
  });
});
