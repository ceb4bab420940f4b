import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { copyChunk } from '../activities/postgres/copy-chunk.ts';
import { planShip, prepareTarget } from '../activities/postgres/plan-ship.ts';
import { readChunk } from '../activities/postgres/read-chunk.ts';
import type { ShipPlan } from '../domain/migration.ts';
import { formatInstant, HOUR_US, MS_US, parseInstant } from '../domain/time.ts';
import { packageRoot } from '../workers/configuration/package-root.ts';
import { startLocalStack, type LocalStack } from '../workers/stack/local-stack.ts';
import { FLEET_START, openBenchDatabase, type BenchDatabase } from './bench-database.ts';
import { openFloor } from './floor.ts';
import { interleaved, median, secondsOf } from './measure.ts';
import { openSqlFilter } from './sql-filter.ts';
import { emptyTarget, memoryOf, runDirectly, runWorkflow } from './through-temporal.ts';

/*
 * Measures one proven chunk beside the floor and the usual SQL, and a migration through Temporal beside the same
 * chunks without it; all in one run, in turn, because only ratios of one run mean anything.
 */

const SHIP = 'IMO9976903';
const WIDTH_US = 2 * HOUR_US;
const ROUNDS = 7;
const HOURS = 24;
const WORKFLOW_ROUNDS = 5;
const WINDOWS = [1, 2, 4];
const SILENT = { signal: new AbortController().signal, heartbeat: () => {} };
const say = (line: string) => process.stderr.write(`${line}\n`);

const { values: options } = parseArgs({ options: { json: { type: 'boolean' } } });

const stack = await startStack();
try {
  const report = await measure(stack);
  process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${tableOf(report)}\n`);
} finally {
  await stack.stop();
}

type Report = Awaited<ReturnType<typeof measure>>;

function startStack(): Promise<LocalStack> {
  const home = resolve(packageRoot, '.fairlead', 'bench');
  return startLocalStack({ home, report: say, worker: workerCommand });
}

function workerCommand(addresses: {
  sourceUrl: string;
  temporalAddress: string;
  metricsPort: number;
}) {
  const url = new URL(addresses.sourceUrl);
  url.pathname = '/bench_one';
  return {
    command: process.execPath,
    args: [resolve(packageRoot, 'dist', 'cli', 'main.js'), 'worker'],
    env: {
      FAIRLEAD_SOURCE_URL: url.href,
      FAIRLEAD_TARGET_URL: url.href,
      TEMPORAL_ADDRESS: addresses.temporalAddress,
      FAIRLEAD_METRICS_PORT: String(addresses.metricsPort),
    },
  };
}

async function measure(local: LocalStack) {
  say(`making ${HOURS} hours of one ship, and two hours of eight`);
  await using one = await openBenchDatabase(local.sourceUrl, 'bench_one', {
    ships: 1,
    hours: HOURS,
  });
  await using eight = await openBenchDatabase(local.sourceUrl, 'bench_eight', {
    ships: 8,
    hours: 2,
  });
  const plan = await preparePlan(one);
  const chunk = await measureChunk(one, plan);
  const source = await measureSource(one, eight);
  const linear = await measureWidths(one, plan);
  const { workflow, memory } = await measureWorkflow(
    local,
    one,
    plan,
    chunk.cells / chunk.floor.seconds,
  );
  return { ...chunk, source, linear, workflow, ...memory };
}

async function preparePlan({ databases }: BenchDatabase): Promise<ShipPlan> {
  const to = formatInstant(parseInstant(FLEET_START) + HOURS * HOUR_US);
  const request = { ship: SHIP, from: FLEET_START, to, widthMs: WIDTH_US / MS_US, redo: false };
  const plan = await planShip(databases, request);
  await prepareTarget(databases, plan);
  return plan;
}

function keyOf(fromUs: number, widthUs: number) {
  return { ship: SHIP, fromUs, toUs: fromUs + widthUs };
}

async function measureChunk({ databases, pool }: BenchDatabase, plan: ShipPlan) {
  say(`one chunk: ${ROUNDS} rounds`);
  const key = keyOf(parseInstant(FLEET_START), WIDTH_US);
  const floor = await openFloor(pool, key);
  const sqlFilter = await openSqlFilter(pool, key);
  const verifySeconds: number[] = [];
  let cells = 0;
  const copy = async () => {
    await emptyTarget(pool, plan);
    const input = { ...plan, from: formatInstant(key.fromUs), to: formatInstant(key.toUs) };
    return secondsOf(async () => {
      const proof = await copyChunk(databases, input, SILENT);
      verifySeconds.push(proof.verifySeconds);
      cells = proof.cells.read;
    });
  };
  for (let warmUp = 0; warmUp < 3; warmUp++) await copy();
  verifySeconds.length = 0;
  const seconds = await interleaved(ROUNDS, { floor: floor.run, sqlFilter, chunk: copy });
  return {
    cells,
    floor: { seconds: median(seconds.floor), plan: floor.plan },
    sqlFilter: { seconds: median(seconds.sqlFilter) },
    chunk: { seconds: median(seconds.chunk), verifySeconds: median(verifySeconds) },
  };
}

/** Reading the same chunk from a table of one ship, and of eight. */
async function measureSource(one: BenchDatabase, eight: BenchDatabase) {
  say(`the read beside other ships: ${ROUNDS} rounds`);
  const key = keyOf(parseInstant(FLEET_START), WIDTH_US);
  const read =
    ({ databases }: BenchDatabase) =>
    () =>
      databases.buffers.use('chunk', (buffer) =>
        secondsOf(() => readChunk(databases, key, buffer, { name: 'bench' })),
      );
  const seconds = await interleaved(ROUNDS, { oneShip: read(one), eightShips: read(eight) });
  return { oneShipSeconds: median(seconds.oneShip), eightShipsSeconds: median(seconds.eightShips) };
}

/** Chunks of other widths: the time should be linear in the cells. */
async function measureWidths({ databases, pool }: BenchDatabase, plan: ShipPlan) {
  say('chunks of half an hour to eight hours: 5 rounds');
  const hours = [0.5, 1, 2, 4, 8];
  const cells = new Map<number, number>();
  const copy = (width: number) => async () => {
    await emptyTarget(pool, plan);
    const key = keyOf(parseInstant(FLEET_START), width * HOUR_US);
    const input = { ...plan, from: formatInstant(key.fromUs), to: formatInstant(key.toUs) };
    return secondsOf(async () =>
      cells.set(width, (await copyChunk(databases, input, SILENT)).cells.read),
    );
  };
  const contenders = Object.fromEntries(hours.map((width) => [`${width}`, copy(width)]));
  const seconds = await interleaved(5, contenders);
  return hours.map((width) => ({
    hours: width,
    cells: cells.get(width)!,
    seconds: median(seconds[`${width}`]!),
  }));
}

async function measureWorkflow(
  local: LocalStack,
  one: BenchDatabase,
  plan: ShipPlan,
  floorCellsPerSecond: number,
) {
  say(`${plan.chunks} chunks through Temporal and without it: ${WORKFLOW_ROUNDS} rounds`);
  const afterEmptying = (run: () => Promise<number>) => async () => {
    await emptyTarget(one.pool, plan);
    return run();
  };
  const contenders = Object.fromEntries(
    WINDOWS.flatMap((window) => [
      [`direct ${window}`, afterEmptying(() => runDirectly(one.databases, plan, window))],
      [`workflow ${window}`, afterEmptying(() => runWorkflow(local.temporalAddress, plan, window))],
    ]),
  );
  await interleaved(1, contenders);
  const settled = memoryOf(local.pids().worker!).rss;
  const seconds = await interleaved(WORKFLOW_ROUNDS, contenders);
  const { rss, peak } = memoryOf(local.pids().worker!);
  const { rows } = await one.pool.query(
    'select sum(cells_read)::float8 as cells from fairlead.chunk',
  );
  const workflow = WINDOWS.map((window) => {
    const [direct, through] = [
      median(seconds[`direct ${window}`]!),
      median(seconds[`workflow ${window}`]!),
    ];
    const cellsPerSecond = Math.round(rows[0].cells / through);
    return {
      window,
      cellsPerSecond,
      overheadPercent: Math.round((through / direct - 1) * 1_000) / 10,
      timesFloor: Math.round((cellsPerSecond / floorCellsPerSecond) * 100) / 100,
    };
  });
  const chunks = plan.chunks * WINDOWS.length * (WORKFLOW_ROUNDS + 1);
  return {
    workflow,
    memory: {
      workerPeakRssMiB: Math.round(peak),
      workerRssGrowthMiB: Math.round(rss - settled),
      workerChunks: chunks,
    },
  };
}

function tableOf(report: Report): string {
  const { cells, floor, sqlFilter, chunk, source, workflow, linear } = report;
  const table = new Table({
    head: ['what', 'seconds', 'cells/s', 'beside'],
    style: { head: [], border: [] },
  });
  const row = (what: string, seconds: number, beside: string) =>
    table.push([what, seconds.toFixed(3), Math.round(cells / seconds), beside]);
  row(`floor (${floor.plan})`, floor.seconds, '');
  row(
    'INSERT … SELECT max() FILTER',
    sqlFilter.seconds,
    `${(sqlFilter.seconds / chunk.seconds).toFixed(1)} x chunk`,
  );
  row('proven chunk', chunk.seconds, `${(chunk.seconds / floor.seconds).toFixed(2)} x floor`);
  row(
    '  verification',
    chunk.verifySeconds,
    `${((chunk.verifySeconds / chunk.seconds) * 100).toFixed(1)} % of a chunk`,
  );
  row('read, one ship in the table', source.oneShipSeconds, '');
  row(
    'read, eight ships',
    source.eightShipsSeconds,
    `${(source.eightShipsSeconds / source.oneShipSeconds).toFixed(2)} x one`,
  );
  for (const { window, cellsPerSecond, overheadPercent, timesFloor } of workflow) {
    table.push([
      `Temporal, window ${window}`,
      '',
      cellsPerSecond,
      `${timesFloor} x floor, ${overheadPercent} % overhead`,
    ]);
  }
  for (const { hours, cells: count, seconds } of linear) {
    table.push([
      `chunk of ${hours} h`,
      seconds.toFixed(3),
      Math.round(count / seconds),
      `${count} cells`,
    ]);
  }
  return `${table.toString()}\nworker: ${report.workerPeakRssMiB} MiB at most, ${report.workerRssGrowthMiB} MiB more after ${report.workerChunks} chunks`;
}
