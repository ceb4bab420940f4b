import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Runtime, Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createSensorActivities } from '../activities/sensor-activities.ts';
import { createSensorMetrics } from '../activities/sensor/sensor-metrics.ts';
import { HeldStreams } from '../activities/sensor/session/held-streams.ts';
import { TemporalContact } from '../activities/sensor/session/temporal-contact.ts';
import { namesOf } from '../domain/names.ts';
import { sensorSearchAttributes as searchAttributes } from '../domain/search-attributes.ts';
import type { Configuration } from './configuration.ts';
import { connectPatiently, workflowCode } from './connect-patiently.ts';
import { openConfiguredSensor, sensorLogOf } from './open-configured-sensor.ts';
import { runUntilTold } from './run-until-told.ts';
import { converterOf } from './temporal-client.ts';
import type { TemporalLocation } from './temporal-location.ts';
import { watchVersion } from './watch-version.ts';
import { versioningOf, versionOfWorker } from './worker-version.ts';

/** Cancellation, which is how a stop arrives, comes in the answer to a heartbeat. */
const HEARTBEAT_THROTTLE_MS = 1_000;
/** Within it, connections are closed and recordings finished. */
const SHUTDOWN_FORCE_MS = 20_000;
const CONTACT_DEADLINE_MS = 2_000;

export interface SensorWorkerOptions {
  configuration: Configuration;
  temporal: TemporalLocation;
  log: Logger;
  /** Ends the waiting for a server that is away; a running worker ends by SIGTERM or SIGINT. */
  signal: AbortSignal;
  onReady?: () => void;
}

/**
 * Holds sensors' streams until it is told to stop, also while Temporal is away for a time.
 *
 * @throws {FairleadError} `search-attributes-missing`
 */
export async function runSensorWorker(options: SensorWorkerOptions): Promise<void> {
  await using connections = await connectPatiently({ ...options, searchAttributes });
  if (connections) await workOn(connections.native, options);
}

async function workOn(connection: NativeConnection, options: SensorWorkerOptions): Promise<void> {
  const { configuration, log } = options;
  const identity = newIdentity();
  const metrics = createSensorMetrics(Runtime.instance().metricMeter);
  await using streams = new HeldStreams({
    identity,
    open: (sensor, before, onEvent) =>
      openConfiguredSensor(sensor, configuration, { before, onEvent, log, metrics }),
    holdAloneMs: configuration.worker.holdAloneMs,
    log: sensorLogOf(log),
  });
  using contact = new TemporalContact(() => askForSign(connection));
  const worker = await Worker.create({
    ...workerOptions(options),
    identity,
    connection,
    activities: createSensorActivities({ streams, contact }),
  });
  await using _version = watchVersion({
    ...options,
    connection,
    version: versionOfWorker(configuration, 'sensor'),
  });
  sayHowMany(configuration, log);
  log.info({ taskQueue: worker.options.taskQueue, identity }, 'worker started');
  options.onReady?.();
  await runUntilTold([worker], options);
}

/** A process id comes again, also on another host of the same name: in containers it always does. */
const newIdentity = (): string => `${process.pid}@${hostname()}#${randomBytes(3).toString('hex')}`;

const askForSign = (connection: NativeConnection): Promise<unknown> =>
  connection.withDeadline(Date.now() + CONTACT_DEADLINE_MS, () =>
    connection.workflowService.getSystemInfo({}),
  );

function workerOptions({ configuration, temporal }: SensorWorkerOptions): WorkerOptions {
  return {
    namespace: temporal.namespace,
    ...converterOf(temporal),
    taskQueue: namesOf(configuration.migration.installation).sensorTaskQueue,
    ...workflowCode(),
    ...versioningOf(versionOfWorker(configuration, 'sensor')),
    maxConcurrentActivityTaskExecutions: slotsOf(configuration),
    maxHeartbeatThrottleInterval: HEARTBEAT_THROTTLE_MS,
    shutdownForceTime: SHUTDOWN_FORCE_MS,
  };
}

/** Unless told otherwise one for each sensor, and one for an attempt that takes a stream over while another ends. */
const slotsOf = ({ worker, sensors }: Configuration): number =>
  worker.sensorSlots ?? sensors.length + 1;

function sayHowMany(configuration: Configuration, log: Logger): void {
  const [slots, sensors] = [slotsOf(configuration), configuration.sensors.length];
  if (sensors <= slots) return;
  const hint = `set sensorSlots = ${sensors} under [worker] in fairlead.toml, or run another worker: fairlead worker --queue sensor`;
  log.warn({ slots, sensors, hint }, 'more sensors configured than this worker has slots');
}
