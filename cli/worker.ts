import { Option, type Command } from 'commander';
import { createMigrationFunctions } from '../activities/postgres/migration-functions.ts';
import type { Configuration } from '../workers/configuration.ts';
import { createLog, installRuntime } from '../workers/install-runtime.ts';
import { runMigrationWorker } from '../workers/migration-worker.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { requireBothOrNeither } from '../workers/resolve-database.ts';
import { choosePort } from '../workers/stack/choose-port.ts';
import { locateTemporal, type TemporalLocation } from '../workers/temporal-location.ts';
import { addCommand, readConfiguration, type CommonOptions } from './command.ts';

const USUAL_METRICS_PORT = 9464;

/** `fairlead worker` */
export function addWorker(program: Command): void {
  addCommand(program, {
    usage: 'worker',
    summary: 'run one worker process against configured services, until SIGTERM or Ctrl-C',
    examples: ['fairlead worker', 'fairlead worker --queue migration'],
  })
    .addOption(
      new Option('--queue <name>', 'whose work to do').choices(['migration']).default('migration'),
    )
    .action(async (options: CommonOptions) => {
      const configuration = readConfiguration(options);
      requireBothOrNeither(configuration);
      await runWorker(configuration, locateTemporal(configuration));
    });
}

/** Works until a signal ends it, or `stop` is aborted while it waits for Temporal. */
export async function runWorker(
  configuration: Configuration,
  temporal: TemporalLocation,
  onReady?: (metricsUrl: string) => void,
): Promise<void> {
  const { address, port: wanted } = configuration.metrics;
  const port = await choosePort({ wanted, usual: USUAL_METRICS_PORT, for: 'the metrics' });
  const metricsAddress = `${address}:${port}`;
  const log = createLog();
  installRuntime(log, metricsAddress);
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
  await using databases = openDatabases(configuration);
  await runMigrationWorker({
    configuration,
    temporal,
    functions: createMigrationFunctions(databases),
    log: log.child({ metrics: `http://${metricsAddress}/metrics` }),
    signal: stop.signal,
    onReady: () => onReady?.(`http://${metricsAddress}/metrics`),
  });
}
