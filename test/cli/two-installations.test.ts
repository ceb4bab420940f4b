import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFleet } from '../../activities/postgres/read-fleet.ts';
import { openPool, withConnection } from '../../activities/postgres/connection.ts';
import { listRunningMigrations } from '../../workers/running-migrations.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { testTemporal } from '../temporal.ts';
import { commandWorld, type Answer, type CommandWorld, type WorldWorker } from './command-world.ts';

const SHIPS = ['IMO9976903', 'IMO9976915'];
const FROM = ['--from', '2025-06-15'];
const suffix = randomBytes(4).toString('hex');
/** Names of which one begins with the other. */
const NAMES = { pier: `p${suffix}`, dock: `p${suffix}-2` };
const ABSENT_SENSOR = `[[sensors]]\nname = "mast"\nurl = "ws://127.0.0.1:1"\n`;

/** Two installations on one database and in one namespace, which migrate the same ships. */
let database: TestDatabase;
let pier: CommandWorld;
let dock: CommandWorld;
let workers: WorldWorker[];
let migrated: { pier: Answer; dock: Answer };

const worldOf = (installation: string, table: string, sensors = '') =>
  commandWorld({
    database,
    installation,
    target: `table = "tenant.${table}_{ship}_{group}"\n`,
    configuration: `[fleet]\nships = ${JSON.stringify(SHIPS)}\nshipsAtOnce = 2\n${sensors}`,
  });

beforeAll(async () => {
  database = await freshDatabase();
  await database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select ship, '/a', timestamp '2025-06-15' + n * interval '1 minute', 'Decimal', n
       from generate_series(0, 719) n, unnest($1::text[]) ship`,
    [SHIPS],
  );
  [pier, dock] = [
    await worldOf(NAMES.pier, 'pier', ABSENT_SENSOR),
    await worldOf(NAMES.dock, 'dock'),
  ];
  workers = [await pier.startWorker(), await dock.startWorker()];
  const fleet = (world: CommandWorld, to: string) =>
    world.fairlead('migrate', '--fleet', ...FROM, '--to', to, '--json');
  const answers = [fleet(pier, '2025-06-15T12:00'), fleet(dock, '2025-06-15T06:00')] as const;
  const [ofPier, ofDock] = await Promise.all(answers);
  migrated = { pier: ofPier, dock: ofDock };
}, 120_000);

afterAll(async () => {
  for (const worker of workers ?? []) await worker[Symbol.asyncDispose]();
  await pier?.[Symbol.asyncDispose]();
  await dock?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
});

/** What a status or a migration shows: ship, chunks and tables. */
const shown = ({ json }: Answer) =>
  json().ships.map(({ ship, chunks, tables }) => [ship, chunks['done'], tables].flat());

const wideTables = (table: string) =>
  SHIPS.map((ship) => `tenant.${table}_${ship.toLowerCase()}_4`);

const rowsOf = (table: string, chunks: number) =>
  wideTables(table).map((name, index) => [SHIPS[index], chunks, name]);

describe.sequential('two installations on one database and in one namespace', () => {
  it('migrate the same ships at the same time, each into tables of its own', async () => {
    expect(migrated.pier.exitCode, migrated.pier.stderr).toBe(0);
    expect(migrated.dock.exitCode, migrated.dock.stderr).toBe(0);
    expect(shown(migrated.pier)).toEqual(rowsOf('pier', 6));
    expect(shown(migrated.dock)).toEqual(rowsOf('dock', 3));
    const { rows } = await database.query<{ schema: string; chunks: number }>(
      `select table_schema as schema from information_schema.tables where table_name = 'chunk' order by 1`,
    );
    expect(rows.map(({ schema }) => schema)).toEqual([
      `fairlead_${NAMES.pier}`,
      `fairlead_${NAMES.dock}`,
    ]);
  });

  it('show and verify each its own', async () => {
    expect(shown(await pier.fairlead('status', '--json'))).toEqual(rowsOf('pier', 6));
    expect(shown(await dock.fairlead('status', '--json'))).toEqual(rowsOf('dock', 3));
    for (const [world, source] of [
      [pier, 720],
      [dock, 360],
    ] as const) {
      const verify = await world.fairlead('verify', SHIPS[0]!, '--json');
      expect(verify.json().ships).toMatchObject([{ cells: { source, matched: source, extra: 0 } }]);
    }
  });

  it('cancel and list what is theirs alone, migrations and sensors', async () => {
    const redo = ['--to', '2025-06-15T06:00', '--redo', '--no-wait'];
    await pier.fairlead('sensor', 'start', 'mast');
    // No chunk comes to its end while somebody else holds the wide tables.
    const holder = await database.pool.connect();
    await holder.query(
      `begin; lock table ${[...wideTables('pier'), ...wideTables('dock')].join(', ')}`,
    );
    for (const world of [pier, dock]) await world.fairlead('migrate', '--fleet', ...FROM, ...redo);
    expect((await dock.fairlead('cancel', '--fleet')).exitCode).toBe(0);
    await using temporal = await testTemporal();
    const running = async (world: CommandWorld) =>
      (await temporal.client.workflow.getHandle(world.names.migrateFleet).describe()).status.name;
    expect(await running(pier)).toBe('RUNNING');
    expect(await running(dock)).not.toBe('RUNNING');
    const ofPier = await pier.fairlead('status', '--json');
    expect(ofPier.json().sensors, ofPier.stderr + ofPier.stdout).toMatchObject([
      { sensor: 'mast' },
    ]);
    expect((await dock.fairlead('status', '--json')).json().sensors).toEqual([]);
    const ships = async (world: CommandWorld) =>
      (await listRunningMigrations(world.names, temporal.client)).map(({ ship }) => ship);
    await expect.poll(() => ships(dock)).toEqual([]);
    expect((await ships(pier)).toSorted()).toEqual(SHIPS);
    await holder.query('rollback');
    holder.release();
    expect((await pier.fairlead('migrate', '--fleet', ...FROM)).exitCode).toBe(0);
    await temporal.client.workflow.getHandle(pier.names.sensorSession('mast')).terminate();
  }, 120_000);

  it('count each its own in the ledger', async () => {
    for (const [installation, chunks] of [
      [NAMES.pier, 6],
      [NAMES.dock, 3],
    ] as const) {
      const { url } = database;
      const pool = openPool({ url, role: 'target', maxConnections: 1, installation });
      const ledger = await withConnection(pool, { name: 'fairlead/test' }, (client) =>
        readFleet(client, []),
      );
      await pool.end();
      const done = ledger!.chunks.filter(({ state }) => state === 'done');
      expect(done.map((each) => each.chunks)).toEqual([chunks, chunks]);
    }
  });

  it('refuse to write the wide tables of each other, and both are named', async () => {
    await using third = await worldOf(`third-${suffix}`, 'pier');
    await using _worker = await third.startWorker();
    const { exitCode, json } = await third.fairlead('migrate', SHIPS[0]!, '--json');
    expect(exitCode).toBe(3);
    const { code, message, hint } = json().error;
    expect(code).toBe('table-taken');
    expect(message).toContain(`belongs to installation ${NAMES.pier}`);
    expect(message).toContain(`this is installation third-${suffix}`);
    expect(hint).toContain(`table = "tenant.tbl_data_timeseries_third_${suffix}_{ship}_{group}"`);
    await third.fairlead('cancel', SHIPS[0]!);
  });
});
