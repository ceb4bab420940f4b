import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { fleetShips } from '../../domain/made-up-fleet.ts';
import { startSimulator, type Simulator } from '../../simulator/start-simulator.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { join } from 'node:path';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import {
  clusterStack,
  type ClusterStack,
  type ClusterWorker,
  type Outcome,
} from './cluster-stack.ts';

const SHIPS = fleetShips(4);
const HOURS = 2;
const FROM = '2025-06-15T00:00:00Z';
const TO = '2025-06-15T02:00:00Z';
/** Small, so that there are many: half a minute's work, in which all can happen. */
const WIDTH = '1m';
/** Chunks of a ship in flight, as it is by default. */
const WINDOW = 2;
const CHUNKS = SHIPS.length * HOURS * 60;

let stack: ClusterStack;
let simulator: Simulator;
let pool: Pool;
const workers: ClusterWorker[] = [];
const figures: string[] = [];

beforeAll(async () => {
  simulator = await startSimulator();
  stack = await clusterStack((text) =>
    text
      .replace('ships = []', `ships = ${JSON.stringify(SHIPS)}`)
      .replace('ws://sensor-simulator:5050', simulator.urls.output)
      .replace('http://sensor-simulator:9080', simulator.urls.rest),
  );
  pool = new Pool({ connectionString: stack.databases.superuserUrl('tenant_builder') });
  pool.on('error', () => undefined);
});

afterAll(async () => {
  await pool?.end();
  await stack?.[Symbol.asyncDispose]();
  await simulator?.stop();
  process.stderr.write(`\n${figures.map((line) => `test:cluster: ${line}\n`).join('')}`);
});

const fairlead = (...words: string[]): Promise<Outcome> => stack.command(...words).outcome;
const seconds = (value: number): string => `${value.toFixed(1)} s`;

test("the one-shot makes Temporal's tables, and finds them made", async () => {
  const [first, again] = [
    await stack.temporal.runOnce('temporal-schema'),
    await stack.temporal.runOnce('temporal-schema'),
  ];
  figures.push(`Temporal's tables: ${seconds(first)}, again ${seconds(again)}`);
});

test('the dynamic configuration has no key that the server does not know', async () => {
  const file = join(packageRoot, 'deploy', 'temporal', 'dynamic-config.yaml');
  const program = join(inject('programs'), 'temporal-server');
  const answer = await runCommand(program, ['validate-dynamic-config', file], {
    timeoutMs: 20_000,
  });
  expect(answer).toMatchObject({ code: 0, stdout: `${file}\n` });
});

test("Temporal's server starts with our configuration, with a namespace and search attributes", async () => {
  const started = await stack.temporal.start();
  const [first, again] = [
    await stack.temporal.runOnce('temporal-namespace'),
    await stack.temporal.runOnce('temporal-namespace'),
  ];
  const metrics = await (await fetch(stack.temporal.metricsUrl)).text();
  expect(metrics).toContain('service_requests');
  figures.push(
    `Temporal's start: ${seconds(started)}; namespace: ${seconds(first)}, again ${seconds(again)}`,
  );
});

test('two workers of the image take up work', async () => {
  for (let number = 1; number <= 2; number++)
    workers.push(await stack.startWorker('migration-worker'));
  const starts = workers.map(({ startSeconds }) => seconds(startSeconds));
  figures.push(`workers healthy after ${starts.join(' and ')}`);
});

test('a fleet is made up in the database of ships', async () => {
  const generated = await fairlead(
    'generate',
    '--ships',
    String(SHIPS.length),
    '--hours',
    String(HOURS),
    '--from',
    FROM,
  );
  expect(generated, generated.stderr).toMatchObject({ exitCode: 0 });
});

test('a fleet migrates while a worker is told to end, one joins, and Temporal is killed', async () => {
  const sinceMs = performance.now();
  const { outcome } = stack.command('migrate', '--fleet', '--to', TO, '--width', WIDTH, '--json');
  await untilDone(CHUNKS / 8);
  await untilCopies(workers[0]!);

  const drained = await workers.shift()!.drain();
  expect(drained.code).toBe(0);
  expect(drained.seconds).toBeLessThan(30);
  expect(await doneChunks()).toBeLessThan(CHUNKS);

  const joined = await stack.startWorker('migration-worker');
  workers.push(joined);
  const waitedMs = await untilCopies(joined);
  await untilDone(CHUNKS / 2);

  await stack.temporal.kill();
  const before = await doneChunks();
  const restarted = await stack.temporal.start();
  const backSinceMs = performance.now();
  // Those in flight end without Temporal.
  await untilDone(before + SHIPS.length * WINDOW + 1);
  const goesOn = (performance.now() - backSinceMs) / 1_000;

  const { exitCode, stdout, stderr } = await outcome;
  expect(exitCode, stderr).toBe(0);
  for (const worker of workers)
    expect(await worker.log()).not.toMatch(/setting refused|"unexpected"/);
  const { ships } = JSON.parse(stdout) as { ships: Ship[] };
  expect(ships.map(({ ship }) => ship).toSorted()).toEqual(SHIPS.toSorted());
  for (const { phase, verified, chunks, cells } of ships) {
    expect({ phase, verified, failed: chunks.failed }).toEqual({
      phase: 'finished',
      verified: true,
      failed: 0,
    });
    expect(cells.read).toBe(cells.written + cells.nulls + cells.quarantined);
  }
  const read = ships.reduce((sum, { cells }) => sum + cells.read, 0);
  const tookSeconds = (performance.now() - sinceMs) / 1_000;
  figures.push(
    `SIGTERM: the worker ended after ${seconds(drained.seconds)}; the next one was healthy after ${seconds(joined.startSeconds)}, and copied ${seconds(waitedMs / 1_000)} later`,
    `SIGKILL of Temporal: it was back after ${seconds(restarted)}, chunks begun since then were committed ${seconds(goesOn)} later`,
    `${ships.length} ships, ${await doneChunks()} chunks, ${read.toLocaleString('en')} cells, all of it in ${seconds(tookSeconds)}`,
  );
});

test('verify finds in the target what the source holds, and nothing else', async () => {
  const { exitCode, stdout, stderr } = await fairlead('verify', ...SHIPS, '--json');
  expect(exitCode, stderr).toBe(0);
  const { ships } = JSON.parse(stdout) as { ships: { cells: Record<string, number> }[] };
  for (const { cells } of ships)
    expect(cells).toMatchObject({ missing: 0, different: 0, extra: 0 });
  const sum = (key: string) => ships.reduce((total, { cells }) => total + cells[key]!, 0);
  const { rows } = await pool.query<{ count: string }>(
    'select count(*) from tenant.tbl_data_timeseries',
  );
  expect(sum('source')).toBe(Number(rows[0]!.count));
  expect(sum('matched') + sum('quarantined')).toBe(sum('source'));
  figures.push(
    `verify: ${sum('source').toLocaleString('en')} cells in the source, ${sum('matched').toLocaleString('en')} matched, 0 missing, 0 different, 0 extra`,
  );
});

test('the sensor worker holds a stream, and closes it when it is told to end', async () => {
  const worker = await stack.startWorker('sensor-worker');
  const started = await fairlead('sensor', 'start', 'simulated');
  expect(started, started.stderr).toMatchObject({ exitCode: 0 });
  await simulator.waitFor(({ output }) => output.now === 1);
  const { code, seconds: took } = await worker.drain();
  expect(code).toBe(0);
  expect(simulator.counts().output).toMatchObject({ now: 0 });
  figures.push(
    `sensor worker: healthy after ${seconds(worker.startSeconds)}, ended after ${seconds(took)}`,
  );
});

test('Temporal takes no more connections than docs/operate.md says', async () => {
  const { rows } = await pool.query<{ usename: string; count: string }>(
    `select usename, count(*) from pg_stat_activity where usename in ('temporal', 'fairlead') group by 1`,
  );
  const connections = Object.fromEntries(
    rows.map(({ usename, count }) => [usename, Number(count)]),
  );
  expect(connections['temporal']).toBeLessThanOrEqual(120);
  const memory = (pid: number) =>
    `${Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1_024)} MiB`;
  figures.push(
    `PostgreSQL connections: ${connections['temporal']} of Temporal; memory: Temporal ${memory(stack.temporal.pid)}, workers ${workers.map(({ pid }) => memory(pid)).join(' and ')}`,
  );
});

interface Ship {
  ship: string;
  phase: string;
  verified: boolean;
  chunks: { failed: number };
  cells: { read: number; written: number; nulls: number; quarantined: number };
}

/** Before the first migration there is no ledger. */
async function doneChunks(): Promise<number> {
  const sql = `select count(*) from fairlead.chunk where status in ('done', 'empty')`;
  const answer = await pool.query<{ count: string }>(sql).catch(() => undefined);
  return Number(answer?.rows[0]?.count ?? 0);
}

async function untilDone(chunks: number): Promise<void> {
  while ((await doneChunks()) < chunks) await sleep(20);
}

/** Milliseconds until a worker has connections that copy. */
async function untilCopies({ pid }: ClusterWorker): Promise<number> {
  const sinceMs = performance.now();
  const ports = () => localPortsOf(pid);
  for (;;) {
    const { rows } = await pool.query<{ client_port: number }>(
      `select client_port from pg_stat_activity where application_name like 'fairlead/%' and client_port is not null`,
    );
    const own = await ports();
    if (rows.some(({ client_port }) => own.has(client_port))) return performance.now() - sinceMs;
    await sleep(20);
  }
}

async function localPortsOf(pid: number): Promise<Set<number>> {
  const { stdout } = await runCommand('ss', ['-Htnp', 'state', 'established'], {
    timeoutMs: 10_000,
  });
  const lines = stdout.split('\n').filter((line) => line.includes(`pid=${pid},`));
  return new Set(lines.map((line) => Number(/:(\d+)\s/.exec(line)?.[1])));
}
