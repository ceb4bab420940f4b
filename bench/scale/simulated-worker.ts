import { createMigrationFunctions } from '../../activities/postgres/migration-functions.ts';
import { loadConfiguration } from '../../workers/configuration.ts';
import { createLog, installRuntime } from '../../workers/install-runtime.ts';
import { runMigrationWorker } from '../../workers/migration-worker.ts';
import { openDatabases } from '../../workers/open-databases.ts';
import { locateTemporal } from '../../workers/temporal-location.ts';
import { sleepingCopy } from './sleeping-copy.ts';

/*
 * A migration worker by the configuration in its folder, in which only the copy of a chunk is replaced by a sleep.
 * Its argument: how many milliseconds.
 */

const [sleepMs = '0'] = process.argv.slice(2);
const configuration = loadConfiguration({ folder: process.cwd(), environment: process.env });
const log = createLog();
installRuntime(log);
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stop.abort());
await using databases = openDatabases(configuration);
await using forLooks = openDatabases(configuration, 1);
await runMigrationWorker({
  configuration,
  temporal: locateTemporal(configuration),
  functions: {
    ...createMigrationFunctions(databases),
    copyChunk: sleepingCopy(databases, Number(sleepMs)),
  },
  sourceSlots: databases.sourceSlots,
  source: forLooks.source,
  target: forLooks.target,
  log,
  signal: stop.signal,
});
