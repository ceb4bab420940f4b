import { chmod, chown, mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { workerArguments } from '../../cli/own-stack.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { postgresAccount } from '../../workers/stack/postgres-account.ts';
import { startPostgres, type PostgresServer } from '../../workers/stack/postgres-server.ts';
import { removeStack, writeStack, type StackAddresses } from '../../workers/stack/stack-file.ts';
import { findTemporalCli } from '../../workers/stack/temporal-cli.ts';
import { startTemporal, type TemporalServer } from '../../workers/stack/temporal-server.ts';
import { startWorkerProcess } from '../../workers/stack/worker-process.ts';
import {
  STACK_METRICS_VARIABLE,
  STACK_TEMPORAL_VARIABLE,
} from '../../workers/temporal-location.ts';
import { cuttablePath, type CuttablePath } from '../cuttable-path.ts';
import { mountSmallDisk, unmountDisk } from '../small-disk.ts';
import { startCommand, type Command } from '../soak/processes.ts';
import { KeptProcess } from './kept-process.ts';

/** A worker, with paths of its own to everything it needs. */
export interface ChaosWorker {
  process: KeptProcess;
  paths: { source: CuttablePath; target: CuttablePath; temporal: CuttablePath };
}

export interface ChaosStack {
  folder: string;
  /** Of the database itself, past all paths. */
  url: string;
  temporalAddress: string;
  postgres: KeptProcess<PostgresServer>;
  temporal: KeptProcess<TemporalServer>;
  workers: ChaosWorker[];
  /** Where what is migrated has its files; `why` there is none. */
  disk: { folder: string } | { why: string };
  /** A command, as a user would type it. */
  command(...words: string[]): Command;
  startWorkers(): Promise<void>;
  stop(): Promise<void>;
}

export interface ChaosStackOptions {
  /** Every so manieth channel of the real ships' lists. */
  everyChannel: number;
  /** Each way, between a worker and a server. */
  delayMs: number;
  diskMegabytes: number;
  timers: 'tenth' | 'real';
}

const WORKERS = 2;
const report = () => undefined;

/** A killed server goes through little of its log again, and what is done again does not fill the disk. */
const SETTINGS = { checkpoint_timeout: '30s', autovacuum_naptime: '10s' };

/**
 * A tenth of the usual lengths, so that ten minutes see as many recoveries as a hundred would; a statement may take 12 s
 * instead of 20 min, so that some are split: longer than any wait for a lock, and than the watchdog of stalls, as in
 * real life. In real time only that is shortened.
 */
const TIMERS = {
  tenth: `[timing]
heartbeatTimeout = "3s"
retryInitial = "500ms"
retryMaximum = "6s"
transientWait = ["3s", "30s"]
operatorWait = ["6s", "30s"]
failover = "12s"
stallAfter = "6s"
statementTimeout = "12s"
lockTimeout = "4500ms"
idleInTransactionTimeout = "6s"
keepaliveIdle = "3s"
keepaliveInterval = "1s"
`,
  real: `[timing]
statementTimeout = "120s"
`,
};

/** What is migrated is read through a view that can be slowed down. */
export const SOURCE_VIEW = 'chaos.narrow';

/** PostgreSQL, Temporal and two workers in a new folder; each can be killed, and each path be cut. */
export async function startChaosStack(options: ChaosStackOptions): Promise<ChaosStack> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-chaos-'));
  await chmod(folder, 0o755);
  const home = join(folder, '.fairlead');
  await mkdir(home);
  const cache = join(packageRoot, '.fairlead', 'cache');
  await mkdir(cache, { recursive: true });
  await symlink(cache, join(home, 'cache'));
  await writeConfiguration(folder, options);
  const disk = await makeDisk(folder, options.diskMegabytes);
  const { postgres, url, port } = await keepPostgres(home);
  const { temporal, address } = await keepTemporal(home);
  const addresses = addressesOf(url, temporal.running!);
  writeStack(home, { ...addresses, versions: { postgres: '', temporalCli: '' } });
  const workers: ChaosWorker[] = [];
  for (let number = 1; number <= WORKERS; number++)
    workers.push(await keepWorker(folder, number, url, `127.0.0.1:${port}`, address, options));
  const stop = async () => {
    await Promise.all(workers.map((worker) => worker.process.stop()));
    await temporal.stop();
    await postgres.stop();
    await Promise.all(workers.flatMap(({ paths }) => Object.values(paths)).map(close));
    if ('folder' in disk) unmountDisk(disk.folder);
    removeStack(home);
  };
  return {
    folder,
    url,
    temporalAddress: address,
    postgres,
    temporal,
    workers,
    disk,
    command: (...words) => startCommand(folder, words),
    startWorkers: async () => {
      await Promise.all(workers.map((worker) => worker.process.start()));
    },
    stop,
  };
}

const close = (path: CuttablePath) => path[Symbol.asyncDispose]();

async function writeConfiguration(
  folder: string,
  { everyChannel, timers }: ChaosStackOptions,
): Promise<void> {
  const groups = ['auxiliary', 'engine', 'navigation'];
  for (const group of groups) {
    const file = join('channels', `${group}.txt`);
    const lines = (await readFile(join(packageRoot, file), 'utf8')).trim().split('\n');
    const kept = lines.filter((_, index) => index % everyChannel === 0);
    await mkdir(join(folder, 'channels'), { recursive: true });
    await writeFile(join(folder, file), `${kept.join('\n')}\n`);
  }
  const lists = groups.map(
    (name, index) =>
      `[[channelGroups]]\nnumber = ${index + 1}\nname = "${name}"\nfile = "channels/${name}.txt"\n`,
  );
  await writeFile(join(folder, 'generate.toml'), lists.join('\n'));
  const whole = [`[source]\ntable = "${SOURCE_VIEW}"\n`, TIMERS[timers], ...lists];
  await writeFile(join(folder, 'fairlead.toml'), whole.join('\n'));
}

async function makeDisk(folder: string, megabytes: number): Promise<ChaosStack['disk']> {
  const path = join(folder, 'disk');
  await mkdir(path);
  try {
    mountSmallDisk(path, megabytes);
  } catch (error) {
    return { why: `a small disk needs root on Linux: ${(error as Error).message.trim()}` };
  }
  const account = await postgresAccount();
  const tables = join(path, 'tables');
  await mkdir(tables, { mode: 0o700 });
  if (account) await chown(tables, account.uid, account.gid);
  return { folder: path };
}

async function keepPostgres(home: string) {
  const port = await anyFreePort();
  const postgres = new KeptProcess('PostgreSQL', () =>
    startPostgres({ folder: join(home, 'postgres'), port, report, settings: SETTINGS }),
  );
  const { url } = await postgres.start();
  return { postgres, url, port };
}

async function keepTemporal(home: string) {
  const cli = await findTemporalCli({ cacheFolder: join(home, 'cache'), report });
  const [port, uiPort] = [await anyFreePort(), await anyFreePort()];
  const temporal = new KeptProcess('Temporal', () =>
    startTemporal({ folder: join(home, 'temporal'), cli, port, uiPort, report }),
  );
  const { address } = await temporal.start();
  return { temporal, address };
}

async function keepWorker(
  folder: string,
  number: number,
  url: string,
  database: string,
  temporal: string,
  { delayMs }: ChaosStackOptions,
): Promise<ChaosWorker> {
  const paths = {
    source: await cuttablePath(database, delayMs),
    target: await cuttablePath(database, delayMs),
    temporal: await cuttablePath(temporal),
  };
  const home = join(folder, `worker-${number}`);
  await mkdir(home);
  const metricsPort = await anyFreePort();
  const launch = () =>
    startWorkerProcess(home, 'worker', {
      command: process.execPath,
      args: workerArguments('worker', undefined),
      cwd: folder,
      env: {
        FAIRLEAD_SOURCE_URL: by(paths.source, url),
        FAIRLEAD_TARGET_URL: by(paths.target, url),
        [STACK_TEMPORAL_VARIABLE]: paths.temporal.address,
        [STACK_METRICS_VARIABLE]: String(metricsPort),
      },
    });
  return { process: new KeptProcess(basename(home), launch), paths };
}

function by(path: CuttablePath, url: string): string {
  const there = new URL(url);
  there.port = String(path.port);
  return there.href;
}

function addressesOf(url: string, temporal: TemporalServer): StackAddresses {
  return {
    temporalAddress: temporal.address,
    temporalUi: temporal.uiUrl,
    namespace: temporal.namespace,
    sourceUrl: url,
    targetUrl: url,
    metricsUrl: '',
    metricsPort: 0,
    sensorMetricsUrl: '',
    sensorMetricsPort: 0,
  };
}
