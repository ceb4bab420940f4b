import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import type { WorkerOptions } from '@temporalio/worker';
import type { Configuration } from './configuration.ts';
import { packageRoot } from './configuration/package-root.ts';

/** What a worker process does; each half has its own deployment, so that either can be upgraded alone. */
export type WorkerHalf = 'migration' | 'sensor';

/** The version that a worker tells Temporal; undefined where none is configured, and all workers are alike. */
export function versionOfWorker(
  { worker, migration }: Pick<Configuration, 'worker' | 'migration'>,
  half: WorkerHalf,
): WorkerDeploymentVersion | undefined {
  if (worker.deployment === undefined) return undefined;
  const prefix = migration.installation ? `${migration.installation}-` : '';
  const suffix = half === 'sensor' ? '-sensor' : '';
  return { deploymentName: `${prefix}${worker.deployment}${suffix}`, buildId: buildId() };
}

/**
 * Workflows go over to the version that becomes current with their next step. Migrations run for days, fleets and sessions
 * for months: pinned ones would keep their old workers, and those workers' connections, for as long.
 *
 * @see docs/operate.md#upgrade
 */
export const versioningOf = (
  version: WorkerDeploymentVersion | undefined,
): Pick<WorkerOptions, 'workerDeploymentOptions'> =>
  version
    ? {
        workerDeploymentOptions: {
          version,
          useWorkerVersioning: true,
          defaultVersioningBehavior: 'AUTO_UPGRADE',
        },
      }
    : {};

/** Differs where the release does, or the workflows' code. */
function buildId(): string {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
    version: string;
  };
  const bundle = fileURLToPath(new URL('../workflows.bundle.js', import.meta.url));
  if (!existsSync(bundle)) return `${version}-unbuilt`;
  return `${version}-${createHash('sha256').update(readFileSync(bundle)).digest('hex').slice(0, 8)}`;
}
