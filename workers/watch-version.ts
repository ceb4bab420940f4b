import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { NativeConnection } from '@temporalio/worker';
import type { Logger } from 'pino';
import type { TemporalLocation } from './temporal-location.ts';

const LOOK_EVERY_MS = 5_000;
/** Temporal knows a version from its worker's first poll on. */
const FIRST_LOOKS_EVERY_MS = 500;
const ANSWER_TIMEOUT_MS = 3_000;
const NOT_FOUND = 5;

export interface VersionWatchOptions {
  connection: NativeConnection;
  temporal: TemporalLocation;
  /** Undefined: workers have no versions, and there is nothing to watch. */
  version: WorkerDeploymentVersion | undefined;
  log: Logger;
}

/** Who gets the work of a deployment; build ids, and the share of the ramping one. */
interface Routing {
  current?: string | undefined;
  ramping?: string | undefined;
  percent: number;
}

/**
 * Says in the log whether this worker's version gets work, and what to type where it gets none. On a local stack, where
 * nobody else works, the version is made current.
 */
export function watchVersion(options: VersionWatchOptions): AsyncDisposable {
  const stopping = new AbortController();
  const watching = options.version
    ? watch(options, options.version, stopping.signal)
    : Promise.resolve();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await watching;
    },
  };
}

async function watch(
  options: VersionWatchOptions,
  version: WorkerDeploymentVersion,
  signal: AbortSignal,
): Promise<void> {
  let said: string | undefined;
  while (!signal.aborted) {
    const routing = await readRouting(options, version).catch(() => undefined);
    if (routing && options.temporal.local && routing.current !== version.buildId)
      await makeCurrent(options, version).catch(() => undefined);
    else if (routing && said !== JSON.stringify(routing)) {
      said = JSON.stringify(routing);
      say(options, version, routing);
    }
    const pause = said === undefined ? FIRST_LOOKS_EVERY_MS : LOOK_EVERY_MS;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

/** @returns undefined while Temporal does not know the version yet */
async function readRouting(
  { connection, temporal: { namespace } }: VersionWatchOptions,
  { deploymentName, buildId }: WorkerDeploymentVersion,
): Promise<Routing | undefined> {
  const describe = () =>
    connection.workflowService.describeWorkerDeployment({ namespace, deploymentName });
  try {
    const deadline = Date.now() + ANSWER_TIMEOUT_MS;
    const { workerDeploymentInfo: info } = await connection.withDeadline(deadline, describe);
    const known = info?.versionSummaries?.map((each) => each.deploymentVersion?.buildId) ?? [];
    if (!known.includes(buildId)) return undefined;
    const { currentDeploymentVersion, rampingDeploymentVersion, rampingVersionPercentage } =
      info?.routingConfig ?? {};
    return {
      current: currentDeploymentVersion?.buildId ?? undefined,
      ramping: rampingDeploymentVersion?.buildId ?? undefined,
      percent: rampingVersionPercentage ?? 0,
    };
  } catch (error) {
    if ((error as { code?: number }).code === NOT_FOUND) return undefined;
    throw error;
  }
}

async function makeCurrent(
  { connection, temporal: { namespace } }: VersionWatchOptions,
  { deploymentName, buildId }: WorkerDeploymentVersion,
): Promise<void> {
  await connection.workflowService.setWorkerDeploymentCurrentVersion({
    namespace,
    deploymentName,
    buildId,
    ignoreMissingTaskQueues: true,
  });
}

function say(
  { temporal: { namespace }, log }: VersionWatchOptions,
  { deploymentName, buildId }: WorkerDeploymentVersion,
  { current, ramping, percent }: Routing,
): void {
  const fields = { deployment: deploymentName, buildId, current, ramping };
  if (current === buildId) return log.info(fields, 'version is current: this worker gets work');
  if (ramping === buildId)
    return log.info({ ...fields, percent }, 'version is ramping: this worker gets a share');
  const hint = `temporal worker deployment set-current-version --namespace ${namespace} --deployment-name ${deploymentName} --build-id ${buildId} --yes`;
  log.warn({ ...fields, hint }, 'version is not current: this worker gets no work');
}
