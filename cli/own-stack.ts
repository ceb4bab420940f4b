import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FairleadError } from '../domain/errors.ts';
import { namesOf } from '../domain/names.ts';
import type { Configuration } from '../workers/configuration.ts';
import { packageRoot } from '../workers/configuration/package-root.ts';
import { startLocalStack, type LocalStack, type StackPorts } from '../workers/stack/local-stack.ts';
import type { StackAddresses } from '../workers/stack/stack-file.ts';
import {
  workerLogIn,
  type WorkerCommand,
  type WorkerPart,
} from '../workers/stack/worker-process.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import {
  configuredTemporal,
  STACK_METRICS_VARIABLE,
  STACK_TEMPORAL_VARIABLE,
  type TemporalLocation,
} from '../workers/temporal-location.ts';
import { note } from './command.ts';

const WORKER_PATIENCE_MS = 60_000;
const POLL_INTERVAL_MS = 200;
/** `TASK_QUEUE_TYPE_ACTIVITY` of Temporal's API: every queue of ours has activities. */
const ACTIVITY_QUEUE = 2;

export interface StackWishes {
  /** Uses nothing that is configured elsewhere. */
  alone: boolean;
  /** The file that the workers read as well. */
  configFile: string | undefined;
}

/**
 * Starts the local stack with its worker, and one more where sensors are configured, and waits until they ask for work.
 *
 * @throws {FairleadError} as `startLocalStack` does; `stack-failed` when a worker does not come up
 */
export async function startOwnStack(
  configuration: Configuration,
  wishes: StackWishes,
): Promise<LocalStack> {
  const commandOf = (part: WorkerPart) => (addresses: StackAddresses) =>
    workerCommand(part, configuration, addresses, wishes);
  const stack = await startLocalStack({
    home: configuration.home,
    ports: portsOf(configuration),
    report: note,
    worker: commandOf('worker'),
    ...(hasSensors(configuration) && { sensorWorker: commandOf('sensorWorker') }),
  });
  try {
    await untilWorkersPoll(configuration, stack, wishes);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function portsOf({ stack, metrics }: Configuration): StackPorts {
  const { postgresPort, temporalPort, temporalUiPort } = stack;
  return {
    ...(postgresPort !== undefined && { postgres: postgresPort }),
    ...(temporalPort !== undefined && { temporal: temporalPort }),
    ...(temporalUiPort !== undefined && { temporalUi: temporalUiPort }),
    ...(metrics.port !== undefined && { metrics: metrics.port }),
  };
}

export const hasSensors = ({ sensors }: Configuration): boolean => sensors.length > 0;

/** What a worker would find in `stack.json` later it is told now: that file is written when all of the stack runs. */
function workerCommand(
  part: WorkerPart,
  { home, local }: Configuration,
  addresses: StackAddresses,
  { alone, configFile }: StackWishes,
): WorkerCommand {
  const ownTemporal = alone || configuredTemporal() === undefined;
  const metricsPort = { worker: addresses.metricsPort, sensorWorker: addresses.sensorMetricsPort };
  return {
    command: process.execPath,
    args: workerArguments(part, configFile),
    cwd: alone ? home : process.cwd(),
    env: {
      FAIRLEAD_HOME: home,
      [STACK_METRICS_VARIABLE]: String(metricsPort[part]),
      ...(local && localDatabases(addresses)),
      ...(alone && { FAIRLEAD_PAYLOAD_KEY_FILE: '' }),
      ...(ownTemporal && { [STACK_TEMPORAL_VARIABLE]: addresses.temporalAddress }),
    },
  };
}

/** What the user has set for other databases does not hold for our own. */
const localDatabases = ({ sourceUrl, targetUrl }: StackAddresses) => ({
  FAIRLEAD_SOURCE_URL: sourceUrl,
  FAIRLEAD_TARGET_URL: targetUrl,
  FAIRLEAD_SOURCE_PASSWORD_FILE: '',
  FAIRLEAD_TARGET_PASSWORD_FILE: '',
  PGSSLMODE: '',
});

/** Of this very program, after `node`. */
export function workerArguments(part: WorkerPart, configFile: string | undefined): string[] {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const queue = part === 'sensorWorker' ? ['--queue', 'sensor'] : [];
  const config = configFile === undefined ? [] : ['--config', configFile];
  return [main, 'worker', ...queue, ...config];
}

/** The Temporal server that a stack's workers use. */
export const temporalOf = (stack: LocalStack, { alone }: StackWishes): TemporalLocation =>
  (alone ? undefined : configuredTemporal()) ?? {
    address: stack.temporalAddress,
    namespace: stack.namespace,
    connectionOptions: { address: stack.temporalAddress },
    ui: stack.temporalUi,
    local: true,
  };

async function untilWorkersPoll(
  configuration: Configuration,
  stack: LocalStack,
  wishes: StackWishes,
): Promise<void> {
  await using temporal = await connectTemporal(temporalOf(stack, wishes));
  const { taskQueue, chunkTaskQueue, sensorTaskQueue } = namesOf(
    configuration.migration.installation,
  );
  const queues: [WorkerPart, string][] = [
    ['worker', taskQueue],
    ['worker', chunkTaskQueue],
    ...(hasSensors(configuration)
      ? [['sensorWorker', sensorTaskQueue] as [WorkerPart, string]]
      : []),
  ];
  await Promise.all(
    queues.map(([part, queue]) =>
      untilWorkerPolls(temporal, queue, workerLogIn(configuration.home, part)),
    ),
  );
}

async function untilWorkerPolls(
  temporal: TemporalClient,
  queue: string,
  log: string,
): Promise<void> {
  const since = Date.now();
  while (Date.now() - since < WORKER_PATIENCE_MS) {
    if (await isPolled(temporal, queue, since)) return;
    await sleep(POLL_INTERVAL_MS);
  }
  throw new FairleadError(
    'stack-failed',
    `no worker came up for the queue ${queue} in ${WORKER_PATIENCE_MS} ms`,
    { hint: `its last words are in ${log}: tail ${log}` },
  );
}

/** The server remembers pollers for minutes: only one that came after `since` is ours. */
async function isPolled(
  { connection, location }: TemporalClient,
  name: string,
  since: number,
): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace: location.namespace,
    taskQueue: { name },
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum's package is none of ours
    taskQueueType: ACTIVITY_QUEUE,
  });
  return (pollers ?? []).some(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 >= since - 1_000,
  );
}

/** The project's own file, wherever the command was typed. */
export const projectFile = (path: string): string => join(packageRoot, path);
