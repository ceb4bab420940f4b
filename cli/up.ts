import type { Command } from 'commander';
import type { Configuration } from '../workers/configuration.ts';
import { requireBothOrNeither, resolveDatabase } from '../workers/resolve-database.ts';
import { configuredTemporal, type TemporalLocation } from '../workers/temporal-location.ts';
import { addCommand, note, readConfiguration, type CommonOptions } from './command.ts';
import { hasSensors, startOwnStack, temporalOf } from './own-stack.ts';
import { startSensorWorker } from './start-sensor-worker.ts';
import { untilToldToStop } from './until-told-to-stop.ts';
import { runWorker } from './worker.ts';

/** What `up --json` prints once everything is ready. */
interface Ready {
  temporalAddress: string;
  temporalUi: string | null;
  namespace: string;
  sourceUrl: string;
  targetUrl: string;
  metricsUrl: string;
  /** Of the sensors' own worker; null where no sensor is configured. */
  sensorMetricsUrl: string | null;
}

/** `fairlead up` */
export function addUp(program: Command): void {
  addCommand(program, {
    usage: 'up',
    summary: 'run workers, and the local stack where nothing else is configured, until Ctrl-C',
    examples: ['fairlead up', 'fairlead up --json'],
  }).action(async (options: CommonOptions) => {
    const configuration = readConfiguration(options);
    requireBothOrNeither(configuration);
    const temporal = configuredTemporal();
    if (temporal && !configuration.local) await upAlone(configuration, temporal, options);
    else await upWithStack(configuration, options);
  });
}

/** Everything is configured: there are only workers to run, that of the sensors in a process of its own. */
async function upAlone(
  configuration: Configuration,
  temporal: TemporalLocation,
  options: CommonOptions,
): Promise<void> {
  await using sensors = hasSensors(configuration)
    ? await startSensorWorker(configuration, options.config)
    : undefined;
  const sensorMetricsUrl = sensors?.metricsUrl ?? null;
  await runWorker(configuration, temporal, (metricsUrl) =>
    announce({ ...placesOf(configuration, temporal), metricsUrl, sensorMetricsUrl }, options),
  );
}

async function upWithStack(configuration: Configuration, options: CommonOptions): Promise<void> {
  const stopped = untilToldToStop();
  const wishes = { alone: false, configFile: options.config };
  const stack = await startOwnStack(configuration, wishes);
  try {
    const places = placesOf(configuration, temporalOf(stack, wishes));
    const { metricsUrl } = stack;
    const sensorMetricsUrl = hasSensors(configuration) ? stack.sensorMetricsUrl : null;
    announce({ ...places, metricsUrl, sensorMetricsUrl }, options);
    await stopped;
    note('stopping');
  } finally {
    await stack.stop();
  }
}

function placesOf(
  configuration: Configuration,
  temporal: TemporalLocation,
): Omit<Ready, 'metricsUrl' | 'sensorMetricsUrl'> {
  return {
    temporalAddress: temporal.address,
    temporalUi: temporal.ui ?? null,
    namespace: temporal.namespace,
    sourceUrl: resolveDatabase(configuration, 'source').url,
    targetUrl: resolveDatabase(configuration, 'target').url,
  };
}

/** The databases' passwords are for scripts only, which asked for them by `--json`. */
function announce(ready: Ready, { json }: CommonOptions): void {
  if (json) return void process.stdout.write(`${JSON.stringify(ready)}\n`);
  const metrics = [ready.metricsUrl, ready.sensorMetricsUrl ?? []].flat().join(' and ');
  note(`ready; Temporal is at ${ready.temporalAddress}, metrics at ${metrics}`);
  if (ready.temporalUi) note(`Temporal UI: ${ready.temporalUi}`);
  const sensor = ready.sensorMetricsUrl ? ', fairlead sensor start <name>' : '';
  note(`in another terminal: fairlead migrate <ship>${sensor}; Ctrl-C stops everything`);
}
