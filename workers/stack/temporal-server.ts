import { mkdir, realpath } from 'node:fs/promises';
import { devNull } from 'node:os';
import { join } from 'node:path';
import {
  migrationSearchAttributes,
  sensorSearchAttributes,
} from '../../domain/search-attributes.ts';
import { awaitTemporal } from './await-temporal.ts';
import { anyFreePort, choosePort, portTaken } from './choose-port.ts';
import { lockFolder } from './folder-lock.ts';
import { removePidFile, stopLeftover, writePidFile } from './pid-file.ts';
import type { Report } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';
import { startServerProcess } from './server-process.ts';
import type { Exit, ServerProcess } from './server-process.ts';
import { stackFailure } from './stack-failure.ts';
import type { StopStep } from './stop-process.ts';
import type { TemporalCli } from './temporal-cli.ts';

export const USUAL_TEMPORAL_PORT = 7233;
export const USUAL_UI_PORT = 8233;
export const TEMPORAL_NAMESPACE = 'default';

export type TemporalServer = {
  address: string;
  uiUrl: string;
  namespace: typeof TEMPORAL_NAMESPACE;
  port: number;
  uiPort: number;
  pid: number;
  exited: Promise<Exit>;
  stop: () => Promise<void>;
};

export type StartTemporalOptions = {
  folder: string;
  cli: Pick<TemporalCli, 'path'>;
  /** Set by the user: an error when it is taken. Without one, the usual port or a free one; so too `uiPort`. */
  port?: number;
  uiPort?: number;
  report: Report;
  /** More arguments of `temporal server start-dev`, such as `--dynamic-config-value`. */
  extraArguments?: readonly string[];
  /** Name to type; registered on each start. Default: those of migrations and sensor sessions. */
  searchAttributes?: Readonly<Record<string, string>>;
};

type Ports = { grpc: number; ui: number; http: number; metrics: number };

type Files = { database: string; log: string; pid: string };

const stopSteps: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 10_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

const PORT_ATTEMPTS = 5;

/**
 * Starts a Temporal dev server with its UI on 127.0.0.1, on a database file in `folder`. Nothing in the server
 * keeps a second one off that file: the lock of the folder does. What a killed run left running is stopped first.
 *
 * @throws {FairleadError} `stack-running`, `port-taken`, `disk-full`, `permission-denied`, `stack-failed`
 */
export async function startTemporal(options: StartTemporalOptions): Promise<TemporalServer> {
  let release = () => {};
  try {
    await mkdir(options.folder, { recursive: true });
    release = lockFolder(options.folder).release;
    const files = filesIn(await realpath(options.folder));
    await stopLeftoverTemporal(options.folder, options.report);
    const server = await startOnFreePorts(files, options);
    void server.exited.then(release);
    return server;
  } catch (error) {
    release();
    throw stackFailure('the local Temporal server did not start', options.folder, error);
  }
}

/** Stops the server that a killed run left in this folder, if it did. */
export async function stopLeftoverTemporal(folder: string, report: Report): Promise<void> {
  const { pid, database } = filesIn(await realpath(folder));
  await stopLeftover({ file: pid, mark: database, steps: stopSteps, name: 'Temporal', report });
}

const filesIn = (folder: string): Files => ({
  database: join(folder, 'temporal.db'),
  log: join(folder, 'temporal.log'),
  pid: join(folder, 'temporal.pid'),
});

/** Between the look for free ports and the server's own bind, another may take one: then with others. */
async function startOnFreePorts(
  files: Files,
  options: StartTemporalOptions,
): Promise<TemporalServer> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await choosePorts(options);
    try {
      return await startOn(ports, files, options);
    } catch (error) {
      const taken = error instanceof Error && /address already in use/i.test(error.message);
      if (!taken || attempt === PORT_ATTEMPTS) throw error;
      const mine = [options.port, options.uiPort].find((port) => port && portIn(error, port));
      if (mine !== undefined) throw portTaken(mine, 'Temporal');
    }
  }
}

const portIn = (error: Error, port: number): boolean => error.message.includes(`:${port}`);

/** Left to itself, the server takes random ports for HTTP and metrics, and may take one that is chosen here. */
async function choosePorts({ port, uiPort }: StartTemporalOptions): Promise<Ports> {
  const grpc = await choosePort({ wanted: port, usual: USUAL_TEMPORAL_PORT, for: 'Temporal' });
  const ui = await choosePort({ wanted: uiPort, usual: USUAL_UI_PORT, for: "Temporal's UI" });
  return { grpc, ui, http: await anyFreePort(), metrics: await anyFreePort() };
}

async function startOn(
  ports: Ports,
  files: Files,
  options: StartTemporalOptions,
): Promise<TemporalServer> {
  const address = `127.0.0.1:${ports.grpc}`;
  const uiUrl = `http://127.0.0.1:${ports.ui}`;
  const child = await spawnTemporal(ports, files, options);
  try {
    await awaitTemporal({ child, uiUrl, namespace: TEMPORAL_NAMESPACE });
    await registerSearchAttributes(options, address);
    await awaitTemporal({ child, uiUrl, namespace: TEMPORAL_NAMESPACE });
  } catch (error) {
    await child.stop(stopSteps);
    removePidFile(files.pid);
    throw new Error(`${messageOf(error)}\n${await child.lastWords()}`, { cause: error });
  }
  return {
    address,
    uiUrl,
    namespace: TEMPORAL_NAMESPACE,
    port: ports.grpc,
    uiPort: ports.ui,
    pid: child.pid,
    exited: child.exited,
    stop: async () => {
      await child.stop(stopSteps);
      removePidFile(files.pid);
    },
  };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

async function spawnTemporal(
  ports: Ports,
  files: Files,
  { cli, extraArguments = [] }: StartTemporalOptions,
): Promise<ServerProcess> {
  const child = await startServerProcess(
    cli.path,
    ['server', 'start-dev', ...serverArguments(ports, files), ...extraArguments],
    { logFile: files.log, env: environment() },
  );
  writePidFile(files.pid, child.pid);
  return child;
}

/**
 * The poll rate of the transfer queue is 20 a second unless told otherwise, which makes each step of a workflow wait
 * up to 50 ms; with it, and the write-ahead log of SQLite, a step takes a third. Without fairness a queue is first in,
 * first out, whatever ship a chunk is of.
 */
const serverArguments = (ports: Ports, files: Files): string[] => [
  '--ip',
  '127.0.0.1',
  '--port',
  String(ports.grpc),
  '--ui-port',
  String(ports.ui),
  '--http-port',
  String(ports.http),
  '--metrics-port',
  String(ports.metrics),
  '--db-filename',
  files.database,
  '--log-level',
  'warn',
  '--sqlite-pragma',
  'journal_mode=wal',
  '--sqlite-pragma',
  'synchronous=normal',
  '--dynamic-config-value',
  'history.transferProcessorMaxPollRPS=2000',
  '--dynamic-config-value',
  'matching.enableFairness=true',
];

/** The user's own cluster, configured by variables or a file, must not be what our commands talk to. */
const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')),
  ),
  TEMPORAL_CONFIG_FILE: devNull,
});

const allSearchAttributes = { ...migrationSearchAttributes, ...sensorSearchAttributes };

/** On each start: the server's own flag for it does nothing to a database file that exists. */
async function registerSearchAttributes(
  { cli, searchAttributes = allSearchAttributes }: StartTemporalOptions,
  address: string,
): Promise<void> {
  const attributes = Object.entries(searchAttributes);
  if (attributes.length === 0) return;
  const result = await runCommand(
    cli.path,
    [
      'operator',
      'search-attribute',
      'create',
      '--address',
      address,
      '--namespace',
      TEMPORAL_NAMESPACE,
      ...attributes.flatMap(([name, type]) => ['--name', name, '--type', type]),
    ],
    { timeoutMs: 15_000, env: environment() },
  );
  if (result.code !== 0)
    throw new Error(`search attributes were not registered: ${lastLine(result.stderr)}`);
}
