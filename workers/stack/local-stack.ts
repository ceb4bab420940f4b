import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { choosePort } from './choose-port.ts';
import { lockFolder } from './folder-lock.ts';
import { startPostgres } from './postgres-server.ts';
import type { PostgresServer } from './postgres-server.ts';
import type { Report } from './report.ts';
import { removeStack, writeStack } from './stack-file.ts';
import type { StackAddresses } from './stack-file.ts';
import { stackFailure } from './stack-failure.ts';
import { supervise } from './supervise.ts';
import type { Supervised } from './supervise.ts';
import { findTemporalCli } from './temporal-cli.ts';
import type { TemporalCli } from './temporal-cli.ts';
import { startTemporal } from './temporal-server.ts';
import type { TemporalServer } from './temporal-server.ts';
import { stopLeftoverWorkers, superviseWorker } from './worker-process.ts';
import type { WorkerCommand, WorkerPart } from './worker-process.ts';

/** Ports that the user set; each one that is taken is an error. */
export type StackPorts = {
  postgres?: number;
  temporal?: number;
  temporalUi?: number;
  metrics?: number;
};

/** A worker process of the stack, once it is known where everything is. */
type CommandAt = (addresses: StackAddresses) => WorkerCommand;

/** Of the worker processes, those are started that are given. */
export type StartLocalStackOptions = { [part in WorkerPart]?: CommandAt } & {
  /** Where all of it lives: normally `.fairlead`. */
  home: string;
  ports?: StackPorts;
  report: Report;
  /** More arguments of `temporal server start-dev`. */
  temporalArguments?: readonly string[];
};

export type StackPart = 'postgres' | 'temporal' | WorkerPart;

export type LocalStack = StackAddresses & {
  home: string;
  temporalCli: TemporalCli;
  /** Process ids as they are now; a restart changes them. */
  pids: () => Partial<Record<StackPart, number>>;
  /** How often each was started again. */
  restarts: () => Partial<Record<StackPart, number>>;
  /** Ends the workers, then Temporal, then PostgreSQL; may be called again. */
  stop: () => Promise<void>;
};

const USUAL_METRICS_PORT = 9464;
export const USUAL_SENSOR_METRICS_PORT = 9465;

/**
 * Starts PostgreSQL, Temporal and the workers in one home, and keeps them running until it is stopped: each that ends
 * is started again in the same place. They have process groups of their own, so a Ctrl-C reaches only the caller, who
 * stops them in order. A home has one stack at a time.
 *
 * @throws {FairleadError} `stack-running`, `temporal-not-found`, `port-taken`, `disk-full`, `permission-denied`,
 *   `read-only`, `stack-failed`; what had been started is stopped again
 */
export async function startLocalStack(options: StartLocalStackOptions): Promise<LocalStack> {
  const home = resolve(options.home);
  const undo: (() => Promise<void> | void)[] = [];
  try {
    await mkdir(home, { recursive: true });
    undo.push(lockFolder(home).release);
    await stopLeftoverWorkers(home, options.report);
    return await startParts(home, options, undo);
  } catch (error) {
    await undoAll(undo).catch(() => undefined);
    throw stackFailure('the local stack did not start', home, error);
  }
}

/** Last started, first stopped; one that cannot be stopped does not keep the others. */
async function undoAll(undo: (() => Promise<void> | void)[]): Promise<void> {
  const failures: unknown[] = [];
  for (let step = undo.pop(); step !== undefined; step = undo.pop())
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  if (failures.length > 0) throw new AggregateError(failures, 'the local stack did not stop whole');
}

async function startParts(
  home: string,
  options: StartLocalStackOptions,
  undo: (() => Promise<void> | void)[],
): Promise<LocalStack> {
  const { report } = options;
  const cli = await findTemporalCli({ cacheFolder: join(home, 'cache'), report });
  const parts: Partial<Record<StackPart, Supervised>> = {};
  const keep: Keep = (part, supervised) => {
    parts[part] = supervised;
    undo.push(() => supervised.stop());
  };
  const postgres = await startSupervisedPostgres(home, options, keep);
  const temporal = await startSupervisedTemporal(home, cli, options, keep);
  const addresses = await addressesOf(postgres, temporal, options.ports?.metrics);
  undo.push(() => stopAtOnce([parts.worker, parts.sensorWorker]));
  for (const part of ['worker', 'sensorWorker'] as const) {
    const command = options[part]?.(addresses);
    if (command) parts[part] = await superviseWorker(home, part, command, report);
  }
  writeStack(home, {
    ...addresses,
    versions: { postgres: postgres.version, temporalCli: cli.version },
  });
  undo.push(() => removeStack(home));
  return {
    ...addresses,
    home,
    temporalCli: cli,
    pids: () => mapParts(parts, (part) => part.pid()),
    restarts: () => mapParts(parts, (part) => part.restarts()),
    stop: stopOnce(() => undoAll(undo)),
  };
}

async function stopAtOnce(parts: readonly (Supervised | undefined)[]): Promise<void> {
  const stops = await Promise.allSettled(parts.map(async (part) => part?.stop()));
  const failed = stops.find((stop) => stop.status === 'rejected');
  if (failed) throw failed.reason;
}

/** Who calls again waits for the same end. */
function stopOnce(stop: () => Promise<void>): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  return () => (stopping ??= stop());
}

const mapParts = (
  parts: Partial<Record<StackPart, Supervised>>,
  read: (part: Supervised) => number,
): Partial<Record<StackPart, number>> =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, read(part)]));

type Keep = (part: StackPart, supervised: Supervised) => void;

async function startSupervisedPostgres(
  home: string,
  { ports, report }: StartLocalStackOptions,
  keep: Keep,
): Promise<PostgresServer> {
  const start = (port: number | undefined) =>
    startPostgres({ folder: join(home, 'postgres'), report, ...(port !== undefined && { port }) });
  const first = await start(ports?.postgres);
  keep(
    'postgres',
    supervise({ name: 'PostgreSQL', first, report, restart: () => start(first.port) }),
  );
  return first;
}

async function startSupervisedTemporal(
  home: string,
  cli: TemporalCli,
  { ports, report, temporalArguments = [] }: StartLocalStackOptions,
  keep: Keep,
): Promise<TemporalServer> {
  const start = (port: number | undefined, uiPort: number | undefined) =>
    startTemporal({
      folder: join(home, 'temporal'),
      cli,
      report,
      extraArguments: temporalArguments,
      ...(port !== undefined && { port }),
      ...(uiPort !== undefined && { uiPort }),
    });
  const first = await start(ports?.temporal, ports?.temporalUi);
  const restart = () => start(first.port, first.uiPort);
  keep('temporal', supervise({ name: 'Temporal', first, report, restart }));
  return first;
}

async function addressesOf(
  postgres: PostgresServer,
  temporal: TemporalServer,
  wantedMetricsPort: number | undefined,
): Promise<StackAddresses> {
  const metricsPort = await choosePort({
    wanted: wantedMetricsPort,
    usual: USUAL_METRICS_PORT,
    for: 'the metrics of the worker',
  });
  const sensorMetricsPort = await choosePort({
    wanted: undefined,
    usual: USUAL_SENSOR_METRICS_PORT,
    for: 'the metrics of the sensor worker',
  });
  return {
    temporalAddress: temporal.address,
    temporalUi: temporal.uiUrl,
    namespace: temporal.namespace,
    sourceUrl: postgres.url,
    targetUrl: postgres.url,
    metricsUrl: metricsUrlOf(metricsPort),
    metricsPort,
    sensorMetricsUrl: metricsUrlOf(sensorMetricsPort),
    sensorMetricsPort,
  };
}

const metricsUrlOf = (port: number): string => `http://127.0.0.1:${port}/metrics`;
