import { Runtime, Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import { Client } from '@temporalio/client';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import {
  createMigrationActivities,
  type MigrationFunctions,
} from '../activities/migration-activities.ts';
import { measureMigration } from '../activities/measure-migration.ts';
import { createMigrationMetrics } from '../activities/migration-metrics.ts';
import { namesOf } from '../domain/names.ts';
import { migrationSearchAttributes as searchAttributes } from '../domain/search-attributes.ts';
import type { Configuration } from './configuration.ts';
import { limitChunks } from './chunk-slots.ts';
import { connectPatiently, workflowCode } from './connect-patiently.ts';
import { createFleetGauges } from './fleet-gauges.ts';
import { runUntilTold } from './run-until-told.ts';
import type { TemporalLocation } from './temporal-location.ts';
import { watchFleet } from './watch-fleet.ts';

/** Activity slots for everything but chunks and ships that are waited for. */
const STEP_SLOTS = 4;
const HEARTBEAT_THROTTLE_MS = 2_000;
/** How long chunks in flight may take to end by themselves; then they are cancelled, and given up a little later. */
const SHUTDOWN_GRACE_MS = 10_000;
const SHUTDOWN_FORCE_MS = 25_000;

export interface MigrationWorkerOptions {
  configuration: Configuration;
  temporal: TemporalLocation;
  functions: MigrationFunctions;
  /** For looking how all ships stand; one connection is enough. */
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
  const connection = await connectPatiently({ ...options, searchAttributes });
  if (!connection) return;
  try {
    const worker = await Worker.create({ ...workerOptions(options), connection });
    await using _watch = watchFleetOn(connection, options);
    options.log.info({ taskQueue: worker.options.taskQueue }, 'worker started');
    options.onReady?.();
    await runUntilTold(worker, options);
  } finally {
    await connection.close();
  }
}

function watchFleetOn(
  connection: NativeConnection,
  { configuration, temporal, target, log }: MigrationWorkerOptions,
): AsyncDisposable {
  return watchFleet({
    client: new Client({ connection, namespace: temporal.namespace }),
    installation: configuration.migration.installation,
    target,
    gauges: createFleetGauges(Runtime.instance().metricMeter),
    everyMs: configuration.metrics.lookEveryMs,
    log,
  });
}

function workerOptions({
  configuration,
  temporal,
  functions,
}: MigrationWorkerOptions): WorkerOptions {
  const { worker, fleet, migration } = configuration;
  const metrics = createMigrationMetrics(Runtime.instance().metricMeter);
  for (const ship of fleet.ships) metrics.know(ship);
  const measured = measureMigration(functions, metrics);
  return {
    namespace: temporal.namespace,
    taskQueue: namesOf(migration.installation).taskQueue,
    ...workflowCode(),
    activities: createMigrationActivities(limitChunks(measured, worker.chunkSlots)),
    maxConcurrentActivityTaskExecutions: worker.chunkSlots + STEP_SLOTS + fleet.shipsAtOnce,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownGraceTime: SHUTDOWN_GRACE_MS,
    shutdownForceTime: SHUTDOWN_FORCE_MS,
  };
}
