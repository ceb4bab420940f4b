import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import {
  chunkActivitiesOf,
  createMigrationActivities,
  type MigrationFunctions,
} from '../../activities/migration-activities.ts';
import type { MigrateShipInput, MigrationProgress } from '../../domain/migration-progress.ts';
import type { InstantRange } from '../../domain/migration.ts';
import type { ReprocessShipInput } from '../../domain/reprocess.ts';
import type { MigrationTiming } from '../../domain/migration-timing.ts';
import { namesOf, type Names } from '../../domain/names.ts';
import type { migrateShip } from '../../workflows/migrate-ship.ts';
import { reprocessHeader } from '../../workflows/reprocess-header.ts';
import type { reprocessShip } from '../../workflows/reprocess-ship.ts';
import { migrationHeader } from '../../workflows/migration-header.ts';
import { progress } from '../../workflows/messages.ts';
import { testTemporal, type TestTemporal } from '../temporal.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { workflowBundle } from './workflow-bundle.ts';

const QUICK: Partial<MigrationTiming> = {
  chunkTimeoutMs: 3_000,
  heartbeatTimeoutMs: 2_000,
  retryInitialMs: 10,
  retryMaximumMs: 20,
  retryAttempts: 2,
  transientWaitMs: [50, 200],
  operatorWaitMs: [3_600_000, 3_600_000],
};

export interface MigrationLab extends AsyncDisposable {
  ledger: MemoryLedger;
  client: Client;
  names: Names;
  installation: string;
  start(
    overrides?: Partial<MigrateShipInput['request']> & Partial<Omit<MigrateShipInput, 'request'>>,
  ): Promise<WorkflowHandleWithFirstExecutionRunId<typeof migrateShip>>;
  input(
    overrides?: Partial<MigrateShipInput['request']> & Partial<Omit<MigrateShipInput, 'request'>>,
  ): MigrateShipInput;
}

/**
 * A worker of its own, over a ledger in memory: for tests in which the database is not the point.
 *
 * @param options.chunkSlots chunks that it copies at once; unless given, more than any test has
 */
export async function migrationLab(
  options: { shortHistory?: boolean; chunkSlots?: number } = {},
): Promise<MigrationLab> {
  const temporal = await testTemporal(options);
  const { client } = temporal;
  const installation = temporal.unique('test');
  const names = namesOf(installation);
  const ledger = new MemoryLedger();
  const worker = await startWorker(temporal, names, ledger, options.chunkSlots);
  const input: MigrationLab['input'] = ({ window = 2, timing, ...request } = {}) => ({
    request: { ...twentyFourHours, ...request },
    window,
    timing: { ...QUICK, ...timing },
  });
  return {
    ledger,
    client,
    names,
    installation,
    input,
    start: (overrides) => {
      const args = input(overrides);
      return client.workflow.start<typeof migrateShip>('migrateShip', {
        args: [args],
        taskQueue: names.taskQueue,
        workflowId: names.migrateShip(args.request.ship),
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowExecutionTimeout: '1 minute',
        ...migrationHeader(args),
      });
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await temporal[Symbol.asyncDispose]();
    },
  };
}

/** Polls both queues of a migration, as a worker process does. */
export async function startWorker(
  { nativeConnection: connection, client }: TestTemporal,
  { taskQueue, chunkTaskQueue }: Names,
  functions: MigrationFunctions,
  chunkSlots = 100,
): Promise<AsyncDisposable> {
  const activities = createMigrationActivities(functions, client);
  const common = {
    connection,
    maxHeartbeatThrottleInterval: 100,
    shutdownGraceTime: 100,
    shutdownForceTime: 2_000,
  };
  const workers = await Promise.all([
    Worker.create({ ...common, taskQueue, workflowBundle: await workflowBundle(), activities }),
    Worker.create({
      ...common,
      taskQueue: chunkTaskQueue,
      activities: { ...chunkActivitiesOf(activities) },
      maxConcurrentActivityTaskExecutions: chunkSlots,
    }),
  ]);
  const running = Promise.all(workers.map((worker) => worker.run()));
  return {
    async [Symbol.asyncDispose]() {
      for (const worker of workers) worker.shutdown();
      await running;
    },
  };
}

export const twentyFourHours = {
  ship: 'IMO9976903',
  from: '2025-06-15T00:00:00.000Z',
  to: '2025-06-16T00:00:00.000Z',
  widthMs: 7_200_000,
  redo: false,
};

/** Reprocesses ranges of the lab's ship. */
export function startReprocess(
  lab: MigrationLab,
  ranges: InstantRange[],
  overrides: Parameters<MigrationLab['input']>[0] = {},
): Promise<WorkflowHandleWithFirstExecutionRunId<typeof reprocessShip>> {
  const [from, to] = [ranges[0]!.from, ranges.at(-1)!.to];
  const { request, window, timing } = lab.input({ from, to, ...overrides });
  const input: ReprocessShipInput = { request, window, ranges, ...(timing && { timing }) };
  const inShort = { from, to, count: ranges.length, hours: 1, digest: '', redo: false };
  return lab.client.workflow.start<typeof reprocessShip>('reprocessShip', {
    args: [input],
    taskQueue: lab.names.taskQueue,
    workflowId: lab.names.reprocessShip(input.request.ship),
    workflowExecutionTimeout: '1 minute',
    ...reprocessHeader(input, inShort),
  });
}

/** Asks for the progress until it is as wanted. */
export async function progressWhere(
  handle: { query(definition: typeof progress): Promise<MigrationProgress> },
  isWanted: (progress: MigrationProgress) => boolean,
): Promise<MigrationProgress> {
  for (;;) {
    const now = await handle.query(progress);
    if (isWanted(now)) return now;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
