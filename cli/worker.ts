import { Option, type Command } from 'commander';
import { createMigrationFunctions } from '../activities/postgres/migration-functions.ts';
import type { Configuration } from '../workers/configuration.ts';
import { createLog, installRuntime } from '../workers/install-runtime.ts';
import { runMigrationWorker } from '../workers/migration-worker.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { runSensorWorker } from '../workers/sensor-worker.ts';
import { requireBothOrNeither } from '../workers/resolve-database.ts';
import { choosePort } from '../workers/stack/choose-port.ts';
import {
  locateTemporal,
  STACK_METRICS_VARIABLE,
  type TemporalLocation,
} from '../workers/temporal-location.ts';
import { requireSensors } from './choose-sensors.ts';
import { addCommand, readConfiguration, type CommonOptions } from './command.ts';

type Options = CommonOptions & { queue: 'migration' | 'sensor' };

const USUAL_METRICS_PORT = 9464;
const USUAL_SENSOR_METRICS_PORT = 9465;

/** `fairlead worker` */
export function addWorker(program: Command): void {
  addCommand(program, {
    usage: 'worker',
    summary: 'run one worker process against configured services, until SIGTERM or Ctrl-C',
    examples: ['fairlead worker', 'fairlead worker --queue sensor'],
  })
    .addOption(
      new Option('--queue <name>', 'whose work to do: ships, or sensors')
        .choices(['migration', 'sensor'])
        .default('migration'),
    )
    .action(async (options: Options) => {
      const configuration = readConfiguration(options);
      if (options.queue === 'sensor') requireSensors(configuration);
      else requireBothOrNeither(configuration);
      const run = options.queue === 'sensor' ? runSensors : runWorker;
      await run(configuration, locateTemporal(configuration));
    });
}

/** Migrates until a signal ends it. */
export async function runWorker(
  configuration: Configuration,
  temporal: TemporalLocation,
  onReady?: (metricsUrl: string) => void,
): Promise<void> {
  const own = await workerProcess(configuration, USUAL_METRICS_PORT);
  const { poolSize } = configuration.worker;
  await using databases = openDatabases(configuration, poolSize, own.log);
  // Not one of the chunks' connections: it is held for as long as this worker is the one that looks.
  await using forLooks = openDatabases(configuration, 1);
  await runMigrationWorker({
    ...own,
    configuration,
    temporal,
    functions: createMigrationFunctions(databases),
    sourceSlots: databases.sourceSlots,
    source: forLooks.source,
    target: forLooks.target,
    onReady: () => onReady?.(own.metricsUrl),
  });
}

/** Holds sensors' streams until a signal ends it. */
export async function runSensors(
  configuration: Configuration,
  temporal: TemporalLocation,
  onReady?: (metricsUrl: string) => void,
): Promise<void> {
  const own = await workerProcess(configuration, USUAL_SENSOR_METRICS_PORT);
  await runSensorWorker({
    ...own,
    configuration,
    temporal,
    onReady: () => onReady?.(own.metricsUrl),
  });
}

/** A stack chose its workers' ports when they were free; one that starts again may find another program there. */
function metricsPortOf({ port }: Configuration['metrics'], usual: number) {
  const ofStack = Number(process.env[STACK_METRICS_VARIABLE]);
  return ofStack ? { wanted: undefined, usual: ofStack } : { wanted: port, usual };
}

/** What every worker's process has, once: metrics, a log, and ears for SIGTERM while it waits for Temporal. */
async function workerProcess({ metrics }: Configuration, usual: number) {
  const { address } = metrics;
  const port = await choosePort({ ...metricsPortOf(metrics, usual), for: 'the metrics' });
  const metricsAddress = `${address}:${port}`;
  const metricsUrl = `http://${metricsAddress}/metrics`;
  const log = createLog();
  installRuntime(log, metricsAddress);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  return { metricsUrl, log: log.child({ metrics: metricsUrl }), signal: stop.signal };
}
