import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { namesOf } from '../../domain/names.ts';
import { listRunningMigrations } from '../../workers/running-migrations.ts';
import { secondsOf } from '../measure.ts';
import { cpuSecondsOf } from '../sensor/process-usage.ts';
import { fairlead } from '../soak/processes.ts';
import { cpuSecondsOfFamily } from './process-family.ts';
import type { ScaleStack } from './scale-stack.ts';
import { readFleetSizes, readTemporalFigures, type FleetSizes } from './temporal-figures.ts';

const POLL_MS = 500;
const names = namesOf();

export interface SampleRequest {
  from: string;
  to: string;
  /** How long it is looked at, once all ships are planned; a fleet that ends before ends it. */
  seconds: number;
}

export interface StatusFigures {
  seconds: number;
  bytes: number;
}

/** Everything that only grows, at one moment. */
interface Counters {
  atMs: number;
  chunks: number;
  ledgerBytes: number;
  temporalBytes: number;
  events: number;
  stateTransitions: number;
  cpu: { temporal: number; postgres: number; workers: number };
}

export interface Sample {
  /** From the command until the last ship began to copy. */
  plannedSeconds: number;
  status: { planned: StatusFigures; end: StatusFigures };
  fleet: FleetSizes;
  runs: number;
  mostEvents: number;
  /** What the sample itself took. */
  seconds: number;
  chunks: number;
  perChunk: {
    events: number;
    stateTransitions: number;
    ledgerBytes: number;
    temporalBytes: number;
    temporalCpuMs: number;
    postgresCpuMs: number;
    workerCpuMs: number;
  };
}

/** Starts the fleet as a user would, and looks at it for a while. */
export async function runSample(
  stack: ScaleStack,
  ledger: Pool,
  { from, to, seconds }: SampleRequest,
  say: (line: string) => void,
): Promise<Sample> {
  stack.startWorkers();
  const plannedSeconds = await secondsOf(async () => {
    await command(stack, 'migrate', '--fleet', '--from', from, '--to', to, '--no-wait', '--json');
    await untilPlanned(stack);
  });
  say(`all ships planned after ${plannedSeconds.toFixed(1)} s`);
  const planned = await statusFigures(stack);
  const first = await readCounters(stack, ledger);
  await untilOver(stack, seconds);
  const last = await readCounters(stack, ledger);
  say(`${last.chunks - first.chunks} chunks in ${((last.atMs - first.atMs) / 1_000).toFixed(1)} s`);
  const { runs, mostEvents } = await readTemporalFigures(stack.client, names);
  return {
    plannedSeconds,
    status: { planned, end: await statusFigures(stack) },
    fleet: await readFleetSizes(stack.client, names),
    runs,
    mostEvents,
    seconds: (last.atMs - first.atMs) / 1_000,
    chunks: last.chunks - first.chunks,
    perChunk: perChunk(first, last),
  };
}

function perChunk(first: Counters, last: Counters): Sample['perChunk'] {
  const chunks = last.chunks - first.chunks;
  const each = (of: (counters: Counters) => number) => (of(last) - of(first)) / chunks;
  return {
    events: each((counters) => counters.events),
    stateTransitions: each((counters) => counters.stateTransitions),
    ledgerBytes: each((counters) => counters.ledgerBytes),
    temporalBytes: each((counters) => counters.temporalBytes),
    temporalCpuMs: 1_000 * each(({ cpu }) => cpu.temporal),
    postgresCpuMs: 1_000 * each(({ cpu }) => cpu.postgres),
    workerCpuMs: 1_000 * each(({ cpu }) => cpu.workers),
  };
}

/** As the list tells, which is a moment behind. */
async function untilPlanned({ client, configuration }: ScaleStack): Promise<void> {
  const begun = new Set<string>();
  for (;;) {
    for (const { ship, phase } of await listRunningMigrations(names, client))
      if (phase !== 'planning') begun.add(ship);
    if (begun.size >= configuration.fleet.shipsAtOnce || !(await isRunning(client))) return;
    await sleep(POLL_MS);
  }
}

async function untilOver({ client }: ScaleStack, seconds: number): Promise<void> {
  const endMs = Date.now() + seconds * 1_000;
  while (Date.now() < endMs && (await isRunning(client))) await sleep(POLL_MS);
}

const isRunning = async (client: ScaleStack['client']): Promise<boolean> =>
  (await client.workflow.getHandle(names.migrateFleet).describe()).status.name === 'RUNNING';

async function statusFigures(stack: ScaleStack): Promise<StatusFigures> {
  let bytes = 0;
  const seconds = await secondsOf(async () => {
    bytes = Buffer.byteLength(await command(stack, 'status', '--json'));
  });
  return { seconds, bytes };
}

async function command({ folder }: ScaleStack, ...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await fairlead(folder, ...words);
  if (exitCode !== 0) throw new Error(`fairlead ${words.join(' ')}: ${exitCode}: ${stderr}`);
  return stdout;
}

async function readCounters(stack: ScaleStack, ledger: Pool): Promise<Counters> {
  const { events, stateTransitions } = await readTemporalFigures(stack.client, names);
  const { rows } = await ledger.query(
    `select count(*) filter (where status = 'done')::float8 as chunks,
            pg_total_relation_size('fairlead.chunk')::float8 as bytes from fairlead.chunk`,
  );
  const pids = stack.local.pids();
  return {
    atMs: performance.now(),
    chunks: rows[0].chunks,
    ledgerBytes: rows[0].bytes,
    temporalBytes: sizeOfTemporal(stack.local.home),
    events,
    stateTransitions,
    cpu: {
      temporal: cpuSecondsOf(pids.temporal!),
      postgres: cpuSecondsOfFamily(pids.postgres!),
      workers: stack.workerPids().reduce((sum, pid) => sum + cpuSecondsOf(pid), 0),
    },
  };
}

/** SQLite writes to the second file first. */
function sizeOfTemporal(home: string): number {
  const file = join(home, 'temporal', 'temporal.db');
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return sizeOf(file) + sizeOf(`${file}-wal`);
}
