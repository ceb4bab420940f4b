import { FairleadError } from '../domain/errors.ts';
import { namesOf } from '../domain/names.ts';
import { checksOf, type Check } from '../domain/preflight.ts';
import { migrationSearchAttributes } from '../domain/search-attributes.ts';
import type { Configuration } from '../workers/configuration.ts';
import { requireSearchAttributes } from '../workers/search-attributes.ts';
import { connectTemporal, type TemporalClient } from '../workers/temporal-client.ts';
import { locateTemporal, type TemporalLocation } from '../workers/temporal-location.ts';
import { workerAbsent } from './ask-workflow.ts';

const { good, look, stop } = checksOf('Temporal', '');

/** A worker polls about once a minute; the server remembers those that have gone for longer. */
const POLLED_WITHIN_MS = 90_000;
/** `TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY`: both queues of a migration have activities. */
const ACTIVITY_QUEUE = 2;

/** Whether Temporal answers, knows what a migration shows, and has a worker for it. */
export async function checkTemporal(configuration: Configuration): Promise<Check[]> {
  try {
    await using temporal = await connectTemporal(locateTemporal(configuration));
    const { address, namespace } = temporal.location;
    return [
      good('Temporal', `answers at ${address}, namespace ${namespace}`),
      encryptionCheck(temporal.location),
      ...(await attributeChecks(temporal)),
      ...(await workerChecks(temporal, configuration)),
    ];
  } catch (error) {
    return [checkOf('Temporal', error)];
  }
}

function encryptionCheck({ address, connectionOptions }: TemporalLocation): Check {
  const isHere = /^(localhost|127\.[\d.]+|\[::1\]):/.test(address);
  if (connectionOptions.tls) return good('Temporal encryption', 'TLS');
  if (isHere)
    return good('Temporal encryption', 'none, and none is needed: it does not leave this machine');
  const fix =
    'export TEMPORAL_TLS=true TEMPORAL_TLS_SERVER_CA_CERT_PATH=/path/ca.pem   # once the server has TLS';
  return look('Temporal encryption', 'none: who is on the way can read and steer workflows', fix);
}

const STOPPING = new Set(['search-attributes-missing', 'config-invalid', 'tls-failed']);

/** That Temporal is not there yet is no reason to stop looking; what a namespace lacks, a person has to give it. */
function checkOf(name: string, error: unknown): Check {
  if (!(error instanceof FairleadError)) return look(name, `not to be had: ${String(error)}`);
  return (STOPPING.has(error.code) ? stop : look)(name, error.message, error.hint ?? null);
}

async function attributeChecks({ connection, location }: TemporalClient): Promise<Check[]> {
  try {
    await requireSearchAttributes(connection, location.namespace, migrationSearchAttributes);
    return [good('search attributes', Object.keys(migrationSearchAttributes).join(', '))];
  } catch (error) {
    return [checkOf('search attributes', error)];
  }
}

async function workerChecks(
  temporal: TemporalClient,
  { migration }: Configuration,
): Promise<Check[]> {
  const names = namesOf(migration.installation);
  try {
    const steps = await countPolling(temporal, names.taskQueue);
    const chunks = await countPolling(temporal, names.chunkTaskQueue);
    if (steps > 0 && chunks > 0)
      return [good('workers', `${Math.min(steps, chunks)} on the queue ${names.taskQueue}`)];
    const { message } = workerAbsent(names, temporal, steps > 0 ? 'chunk' : 'migration');
    return [look('workers', message, temporal.location.local ? 'fairlead up' : 'fairlead worker')];
  } catch (error) {
    return [checkOf('workers', error)];
  }
}

async function countPolling(
  { connection, location }: TemporalClient,
  queue: string,
): Promise<number> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace: location.namespace,
    taskQueue: { name: queue },
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum's package is none of ours
    taskQueueType: ACTIVITY_QUEUE,
  });
  const since = Date.now() - POLLED_WITHIN_MS;
  return (pollers ?? []).filter(
    ({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0) * 1_000 >= since,
  ).length;
}
