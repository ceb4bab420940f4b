import { execFile } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/start-simulator.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { testTemporal, type TestTemporal } from '../temporal.ts';
import { commandWorld, type CommandWorld, type WorldWorker } from './command-world.ts';

const SHIP = 'IMO9976903';
const WIDE = `tenant.tbl_data_timeseries_${SHIP.toLowerCase()}_4`;
const OLD_BUILD = join(packageRoot, 'dist', 'cli', 'main.js');
const run = promisify(execFile);

let world: CommandWorld;
let simulator: Simulator;
let temporal: TestTemporal;
let builds: AsyncDisposable & { path: string };
let newBuild: string;
let older: Workers;
let newer: Workers;

/** Of both halves. */
interface Workers {
  migration: WorldWorker;
  sensor: WorldWorker;
}

beforeAll(async () => {
  simulator = await startSimulator();
  temporal = await testTemporal();
  world = await commandWorld({
    configuration: `[worker]\ndeployment = "ships"\n[[sensors]]\nname = "pier-3"\nurl = "${simulator.urls.output}"\n`,
  });
  await world.database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select $1, '/a', timestamp '2025-06-15' + n * interval '1 minute', 'Decimal', n from generate_series(0, 1439) n`,
    [SHIP],
  );
  builds = await temporaryFolder();
  newBuild = makeNewBuild(builds.path);
  older = await startWorkers(OLD_BUILD);
});

afterAll(async () => {
  for (const workers of [older, newer])
    await Promise.all(
      [workers?.migration, workers?.sensor].map((worker) => worker?.[Symbol.asyncDispose]()),
    );
  await temporal?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await simulator?.stop();
  await builds?.[Symbol.asyncDispose]();
});

/** The same program, whose workflows' code is another one by its hash. */
function makeNewBuild(folder: string): string {
  cpSync(join(packageRoot, 'dist'), join(folder, 'dist'), { recursive: true });
  for (const name of ['package.json', 'channels', 'node_modules'])
    symlinkSync(join(packageRoot, name), join(folder, name));
  const bundle = join(folder, 'dist', 'workflows.bundle.js');
  writeFileSync(bundle, `// of the next release\n${readFileSync(bundle, 'utf8')}`);
  return join(folder, 'dist', 'cli', 'main.js');
}

async function startWorkers(main: string): Promise<Workers> {
  const [migration, sensor] = await Promise.all([
    world.startWorkerOf(main),
    world.startWorkerOf(main, '--queue', 'sensor'),
  ]);
  return { migration, sensor };
}

const stop = ({ migration, sensor }: Workers) =>
  Promise.all([migration[Symbol.asyncDispose](), sensor[Symbol.asyncDispose]()]);

const NOT_CURRENT = /"msg":"version is not current: this worker gets no work"/;

/** Types what the log says, of both halves. */
async function makeCurrent(workers: Workers): Promise<void> {
  for (const worker of Object.values(workers) as WorldWorker[]) {
    await worker.says(NOT_CURRENT);
    const [command = ''] = hintsOf(worker).slice(-1);
    const [program, ...words] = command.split(' ');
    expect(program).toBe('temporal');
    await run(inject('temporalCliPath'), [...words, '--address', temporal.address]);
  }
}

const linesOf = (worker: WorldWorker) =>
  worker
    .log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, string>);

const hintsOf = (worker: WorldWorker) => linesOf(worker).flatMap(({ hint }) => hint ?? []);

const buildOf = ({ migration }: Workers): string =>
  linesOf(migration).find(({ buildId }) => buildId !== undefined)!['buildId']!;

/** The build that took the workflow's last step. */
async function buildOfWorkflow(workflowId: string): Promise<string | null | undefined> {
  const { raw } = await temporal.client.workflow.getHandle(workflowId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

/** Chunks of the ship cannot end while somebody holds its wide table. */
async function holdWideTable(): Promise<() => Promise<void>> {
  const client = await world.database.pool.connect();
  await client.query(`begin; lock table ${WIDE}`);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

const migrate = (to: string, ...words: string[]) =>
  world.fairlead('migrate', SHIP, '--from', '2025-06-15', '--to', to, '--json', ...words);

const sensorState = async () =>
  (await world.fairlead('sensor', 'status', '--json')).json().sensors[0]?.['state'];

describe.sequential('workers with versions', () => {
  it('say that they get no work, and what to type, and work from then on', async () => {
    await makeCurrent(older);
    const { exitCode, stderr } = await migrate('2025-06-15T04:00');
    expect(exitCode, stderr).toBe(0);
    expect(await buildOfWorkflow(world.names.migrateShip(SHIP))).toBe(buildOf(older));
    expect((await world.fairlead('sensor', 'start', 'pier-3')).exitCode).toBe(0);
    await older.migration.says(/"msg":"version is current: this worker gets work"/);
  });

  it('hand over what runs to the next release when that becomes current', async () => {
    const goOn = await holdWideTable();
    await migrate('2025-06-15T12:00', '--no-wait');
    newer = await startWorkers(newBuild);
    await makeCurrent(newer);
    await goOn();
    await stop(older);
    const { exitCode, json } = await migrate('2025-06-15T12:00');
    expect(exitCode).toBe(0);
    expect(json().ships).toMatchObject([{ phase: 'finished', chunks: { done: 6 } }]);
    expect(buildOf(newer)).not.toBe(buildOf(older));
    expect(await buildOfWorkflow(world.names.migrateShip(SHIP))).toBe(buildOf(newer));
    await expect.poll(sensorState, { timeout: 20_000 }).toBe('connected');
    const session = world.names.sensorSession('pier-3');
    await expect.poll(() => buildOfWorkflow(session)).toBe(buildOf(newer));
  });

  it('hand it back to the release before', async () => {
    const goOn = await holdWideTable();
    await migrate('2025-06-15T20:00', '--no-wait');
    older = await startWorkers(OLD_BUILD);
    await makeCurrent(older);
    await goOn();
    await stop(newer);
    const { exitCode, json } = await migrate('2025-06-15T20:00');
    expect(exitCode).toBe(0);
    expect(json().ships).toMatchObject([{ phase: 'finished', chunks: { done: 10 } }]);
    expect(await buildOfWorkflow(world.names.migrateShip(SHIP))).toBe(buildOf(older));
    await expect.poll(sensorState, { timeout: 20_000 }).toBe('connected');
    expect((await world.fairlead('sensor', 'stop', 'pier-3')).exitCode).toBe(0);
  });
});
