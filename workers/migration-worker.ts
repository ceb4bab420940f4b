import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NativeConnection, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import {
  createMigrationActivities,
  type MigrationFunctions,
} from '../activities/migration-activities.ts';
import { namesOf } from '../domain/names.ts';
import type { Configuration } from './configuration.ts';
import { limitChunks } from './chunk-slots.ts';
import { requireSearchAttributes } from './search-attributes.ts';
import { connectTemporal, temporalUnreachable } from './temporal-client.ts';
import type { TemporalLocation } from './temporal-location.ts';

/** Activity slots for everything but chunks and ships that are waited for. */
const STEP_SLOTS = 4;
const HEARTBEAT_THROTTLE_MS = 2_000;
/** How long chunks in flight may take to end by themselves; then they are cancelled, and given up a little later. */
const SHUTDOWN_GRACE_MS = 10_000;
const SHUTDOWN_FORCE_MS = 25_000;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;

export interface MigrationWorkerOptions {
  configuration: Configuration;
  temporal: TemporalLocation;
  functions: MigrationFunctions;
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
  const connection = await connectPatiently(options);
  if (!connection) return;
  try {
    const worker = await Worker.create({ ...workerOptions(options), connection });
    options.log.info({ taskQueue: worker.options.taskQueue }, 'worker started');
    options.onReady?.();
    await worker.run();
  } finally {
    await connection.close();
  }
}

/** @returns undefined when it was told to stop first */
async function connectPatiently(
  options: MigrationWorkerOptions,
): Promise<NativeConnection | undefined> {
  const { temporal, log, signal } = options;
  for (let waitMs = FIRST_RETRY_MS; !signal.aborted; waitMs = Math.min(LAST_RETRY_MS, waitMs * 2)) {
    try {
      return await connect(temporal);
    } catch (error) {
      const failure = temporalUnreachable(temporal, error);
      if (!isUnreachable(error)) throw error;
      log.warn(
        { address: temporal.address, retryInMs: waitMs, hint: failure.hint },
        failure.message,
      );
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return undefined;
}

async function connect(temporal: TemporalLocation): Promise<NativeConnection> {
  await using checked = await connectTemporal(temporal);
  await requireSearchAttributes(checked.connection, temporal.namespace);
  return NativeConnection.connect(temporal.connectionOptions);
}

/** A message from the server about something else, such as its permissions, is no reason to wait. */
function isUnreachable(error: unknown): boolean {
  const { name, code } = error as { name?: string; code?: unknown };
  return code === 'temporal-unreachable' || name === 'TransportError' || code === 14 || code === 4;
}

function workerOptions({
  configuration,
  temporal,
  functions,
}: MigrationWorkerOptions): WorkerOptions {
  const { worker, fleet, migration } = configuration;
  return {
    namespace: temporal.namespace,
    taskQueue: namesOf(migration.installation).taskQueue,
    ...workflowCode(),
    activities: createMigrationActivities(limitChunks(functions, worker.chunkSlots)),
    maxConcurrentActivityTaskExecutions: worker.chunkSlots + STEP_SLOTS + fleet.shipsAtOnce,
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownGraceTime: SHUTDOWN_GRACE_MS,
    shutdownForceTime: SHUTDOWN_FORCE_MS,
  };
}

/** What the build has bundled; without a build (in tests) the worker bundles the sources itself. */
function workflowCode(): Pick<WorkerOptions, 'workflowBundle' | 'workflowsPath'> {
  const codePath = fileURLToPath(new URL('../workflows.bundle.js', import.meta.url));
  if (existsSync(codePath)) return { workflowBundle: { codePath } };
  return { workflowsPath: fileURLToPath(new URL('../workflows/index.ts', import.meta.url)) };
}
