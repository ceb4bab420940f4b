import { once } from 'node:events';
import type { Command } from 'commander';
import type { Configuration } from '../workers/configuration.ts';
import { requireBothOrNeither, resolveDatabase } from '../workers/resolve-database.ts';
import { configuredTemporal, type TemporalLocation } from '../workers/temporal-location.ts';
import { addCommand, note, readConfiguration, type CommonOptions } from './command.ts';
import { startOwnStack, temporalOf } from './own-stack.ts';
import { runWorker } from './worker.ts';

/** What `up --json` prints once everything is ready. */
interface Ready {
  temporalAddress: string;
  temporalUi: string | null;
  namespace: string;
  sourceUrl: string;
  targetUrl: string;
  metricsUrl: string;
}

/** `fairlead up` */
export function addUp(program: Command): void {
  addCommand(program, {
    usage: 'up',
    summary: 'run a worker, and the local stack where nothing else is configured, until Ctrl-C',
    examples: ['fairlead up', 'fairlead up --json'],
  }).action(async (options: CommonOptions) => {
    const configuration = readConfiguration(options);
    requireBothOrNeither(configuration);
    const temporal = configuredTemporal();
    if (temporal && !configuration.local) await upAlone(configuration, temporal, options);
    else await upWithStack(configuration, options);
  });
}

/** Everything is configured: there is only a worker to run. */
async function upAlone(
  configuration: Configuration,
  temporal: TemporalLocation,
  options: CommonOptions,
): Promise<void> {
  await runWorker(configuration, temporal, (metricsUrl) =>
    announce({ ...placesOf(configuration, temporal), metricsUrl }, options),
  );
}

async function upWithStack(configuration: Configuration, options: CommonOptions): Promise<void> {
  const stopped = untilToldToStop();
  const wishes = { alone: false, configFile: options.config };
  const stack = await startOwnStack(configuration, wishes);
  try {
    const places = placesOf(configuration, temporalOf(stack, wishes));
    announce({ ...places, metricsUrl: stack.metricsUrl }, options);
    await stopped;
    note('stopping');
  } finally {
    await stack.stop();
  }
}

/** Listens from the beginning, so that a Ctrl-C while the servers start stops them in order as well. */
export async function untilToldToStop(): Promise<void> {
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}

function placesOf(
  configuration: Configuration,
  temporal: TemporalLocation,
): Omit<Ready, 'metricsUrl'> {
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
  note(`ready; Temporal is at ${ready.temporalAddress}, metrics at ${ready.metricsUrl}`);
  if (ready.temporalUi) note(`Temporal UI: ${ready.temporalUi}`);
  note('in another terminal: fairlead migrate <ship>; Ctrl-C stops everything');
}
