import { Runtime, Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import {
  chunkActivitiesOf,
  createMigrationActivities,
  type MigrationFunctions,
} from '../activities/migration-activities.ts';
import { measureMigration } from '../activities/measure-migration.ts';
import type { SourceSlots } from '../activities/postgres/source-slots.ts';
import { createMigrationMetrics } from '../activities/migration-metrics.ts';
import { namesOf } from '../domain/names.ts';
import { migrationSearchAttributes as searchAttributes } from '../domain/search-attributes.ts';
import type { Configuration } from './configuration.ts';
import { connectPatiently, workflowCode, type WorkerConnections } from './connect-patiently.ts';
import { createFleetGauges } from './fleet-gauges.ts';
import { createSourceGauges } from './source-gauges.ts';
import { runUntilTold } from './run-until-told.ts';
import { converterOf } from './temporal-client.ts';
import type { TemporalLocation } from './temporal-location.ts';
import { watchFleet } from './watch-fleet.ts';
import { watchSource } from './watch-source.ts';
import { watchVersion } from './watch-version.ts';
import { versioningOf, versionOfWorker } from './worker-version.ts';

/** Activity slots for everything but chunks, which have a queue of their own, and ships that are waited for. */
const STEP_SLOTS = 4;
const HEARTBEAT_THROTTLE_MS = 2_000;
/** How long chunks in flight may take to end by themselves; then they are cancelled, and given up a little later. */
const SHUTDOWN_GRACE_MS = 10_000;
const SHUTDOWN_FORCE_MS = 25_000;

export interface MigrationWorkerOptions {
  configuration: Configuration;
  temporal: TemporalLocation;
  functions: MigrationFunctions;
  /** What bounds the reading of chunks, as the functions have it. */
  sourceSlots: SourceSlots;
  /** For looking how the source does, and how all ships stand; one connection each is enough. */
  source: Pool;
  target: Pool;
  log: Logger;
  /** Ends the waiting for a server that is away; a running worker ends by SIGTERM or SIGINT. */
  signal: AbortSignal;
  onReady?: () => void;
}

/**
 * Works until it is told to stop, also while Temporal is away for a time.
 *
 * @throws {FairleadError} `search-attributes-missing`
 */
export async function runMigrationWorker(options: MigrationWorkerOptions): Promise<void> {
  await using connections = await connectPatiently({ ...options, searchAttributes });
  if (!connections) return;
  const workers = await createWorkers(connections, options);
  await using _watch = watchFleetOn(connections.native, options);
  await using _source = watchSourceOf(options);
  await using _version = watchVersion({
    ...options,
    connection: connections.native,
    version: versionOfWorker(options.configuration, 'migration'),
  });
  const [taskQueue, chunkTaskQueue] = workers.map((worker) => worker.options.taskQueue);
  options.log.info({ taskQueue, chunkTaskQueue }, 'worker started');
  options.onReady?.();
  await runUntilTold(workers, options);
}

function watchFleetOn(
  connection: NativeConnection,
  { configuration, temporal, target, log }: MigrationWorkerOptions,
): AsyncDisposable {
  return watchFleet({
    client: new Client({ connection, namespace: temporal.namespace, ...converterOf(temporal) }),
    installation: configuration.migration.installation,
    target,
    gauges: createFleetGauges(Runtime.instance().metricMeter),
    everyMs: configuration.metrics.lookEveryMs,
    log,
  });
}

function watchSourceOf({
  configuration,
  source,
  sourceSlots,
  log,
}: MigrationWorkerOptions): AsyncDisposable {
  return watchSource({
    source,
    slots: sourceSlots,
    limits: configuration.source,
    everyMs: configuration.source.lookEveryMs,
    gauges: createSourceGauges(Runtime.instance().metricMeter),
    log,
  });
}

/** One for workflows and their steps, one for chunks: so no step waits behind chunks, and no chunk behind a full worker. */
async function createWorkers(
  { native: connection, client }: WorkerConnections,
  options: MigrationWorkerOptions,
): Promise<Worker[]> {
  const { worker, fleet, migration } = options.configuration;
  const { taskQueue, chunkTaskQueue } = namesOf(migration.installation);
  const activities = createMigrationActivities(measured(options), client);
  const common = { ...commonOptions(options), connection };
  return Promise.all([
    Worker.create({
      ...common,
      ...workflowCode(),
      taskQueue,
      // All of them: an earlier release has scheduled chunks on this queue.
      activities,
      maxConcurrentActivityTaskExecutions: STEP_SLOTS + fleet.shipsAtOnce,
    }),
    Worker.create({
      ...common,
      taskQueue: chunkTaskQueue,
      activities: { ...chunkActivitiesOf(activities) },
      maxConcurrentActivityTaskExecutions: worker.chunkSlots,
    }),
  ]);
}

function measured({ configuration, functions }: MigrationWorkerOptions): MigrationFunctions {
  const metrics = createMigrationMetrics(Runtime.instance().metricMeter);
  for (const ship of configuration.fleet.ships) metrics.know(ship);
  return measureMigration(functions, metrics);
}

const commonOptions = ({
  configuration,
  temporal,
}: MigrationWorkerOptions): Omit<WorkerOptions, 'taskQueue'> => ({
  namespace: temporal.namespace,
  ...converterOf(temporal),
  ...versioningOf(versionOfWorker(configuration, 'migration')),
  maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
  shutdownGraceTime: SHUTDOWN_GRACE_MS,
  shutdownForceTime: SHUTDOWN_FORCE_MS,
});
