import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { FairleadError } from '../domain/errors.ts';
import { namesOf, type Names } from '../domain/names.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained, workerAbsent } from './ask-workflow.ts';
import { chooseSensors } from './choose-sensors.ts';
import {
  addCommand,
  conclude,
  note,
  readConfiguration,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { readSensorReport, type SensorReport } from './sensor-reports.ts';
import { startSession } from './sensor-sessions.ts';
import { jsonOfSensor } from './sensor-table.ts';

/** How long a new session is watched until it is connected, or says why not. */
const WATCH_MS = 8_000;
/** A worker with a free slot takes a session up within milliseconds. */
const TAKEN_WITHIN_MS = 2_500;
const LOOK_EVERY_MS = 200;

/** `fairlead sensor start [name…]` */
export function addSensorStart(group: Command): void {
  addCommand(group, {
    usage: 'start',
    summary: 'start the session of each sensor, or join the one that runs',
    examples: ['fairlead sensor start pier-3', 'fairlead sensor start'],
  })
    .argument('[name...]', 'sensors (default: all of the configuration)')
    .action(async (typed: string[], options: CommonOptions) => {
      conclude(await start(typed, options), options);
    });
}

async function start(typed: readonly string[], options: CommonOptions): Promise<Outcome> {
  const configuration = readConfiguration(options);
  const sensors = chooseSensors(typed, configuration, 'start').map(({ name }) => name);
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  try {
    const started = await startAll(temporal, names, sensors);
    const reports = await Promise.all(sensors.map((name) => firstWords(name, names, temporal)));
    requireTaken(reports, names, temporal);
    for (const remark of new Set(reports.flatMap(({ remarks }) => remarks))) note(remark);
    const lines = reports.map((report) => sentence(report, started.get(report.sensor) === true));
    return { json: { sensors: reports.map(jsonOfSensor) }, text: lines.join('\n') };
  } catch (error) {
    throw explained(error, temporal);
  }
}

/** @returns by name, whether it ran already */
async function startAll(temporal: TemporalClient, names: Names, sensors: readonly string[]) {
  const started = new Map<string, boolean>();
  for (const sensor of sensors) {
    const { ranAlready } = await startSession(temporal, names, sensor);
    started.set(sensor, ranAlready);
  }
  return started;
}

/** Until it is connected, or says why not, or nobody answers for it, or enough time has passed. */
async function firstWords(
  sensor: string,
  names: Names,
  temporal: TemporalClient,
): Promise<SensorReport> {
  const since = Date.now();
  for (;;) {
    const report = await readSensorReport(sensor, names, temporal);
    const isSettled = report.state !== 'connecting' || !report.hasWorker;
    const longestMs = report.isTaken ? WATCH_MS : TAKEN_WITHIN_MS;
    if (isSettled || Date.now() - since >= longestMs) return report;
    await sleep(LOOK_EVERY_MS);
  }
}

/** @throws {FairleadError} `worker-absent`, `sensor-slots-taken` */
function requireTaken(
  reports: readonly SensorReport[],
  names: Names,
  temporal: TemporalClient,
): void {
  const untaken = reports.filter(({ isTaken }) => !isTaken).map(({ sensor }) => sensor);
  if (untaken.length === 0) return;
  if (reports.some(({ hasWorker }) => !hasWorker)) throw workerAbsent(names, temporal, 'sensor');
  throw new FairleadError(
    'sensor-slots-taken',
    `${untaken.join(', ')}: started, but every worker on the queue ${names.sensorTaskQueue} has its slots full, so nobody connects`,
    {
      hint: 'raise sensorSlots under [worker] in fairlead.toml and start the worker again, or run another one: fairlead worker --queue sensor',
    },
  );
}

function sentence({ sensor, state, connectedSince }: SensorReport, ranAlready: boolean): string {
  const which = ranAlready ? 'runs already' : 'started';
  const how = connectedSince ? `${state} since ${connectedSince}` : state;
  return `${sensor}: ${which}; ${how}; fairlead sensor status ${sensor}`;
}
