import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort, portTaken } from './choose-port.ts';
import { lockFolder } from './folder-lock.ts';
import { postgresAccount } from './postgres-account.ts';
import type { Account } from './postgres-account.ts';
import { findPostgresBinaries } from './postgres-binaries.ts';
import type { PostgresBinaries, PostgresMajor } from './postgres-binaries.ts';
import { POSTGRES_USER, preparePostgresData } from './postgres-data.ts';
import { reachableFolder } from './postgres-folder.ts';
import { awaitPostgres } from './await-postgres.ts';
import { postgresSettings, settingArguments } from './postgres-settings.ts';
import { commandLineOf, identify } from '../../activities/process-identity.ts';
import type { Report } from './report.ts';
import { startServerProcess } from './server-process.ts';
import type { Exit, ServerProcess } from './server-process.ts';
import { stackFailure } from './stack-failure.ts';
import { stopProcess } from './stop-process.ts';
import type { StopStep } from './stop-process.ts';

export const USUAL_POSTGRES_PORT = 54_329;

export const POSTGRES_DATABASE = 'tenant_builder';

export type PostgresServer = {
  /** Holds the password: never for a log. */
  url: string;
  port: number;
  pid: number;
  version: string;
  exited: Promise<Exit>;
  stop: () => Promise<void>;
};

export type StartPostgresOptions = {
  folder: string;
  /** Set by the user: an error when it is taken. Without one, the usual port or a free one. */
  port?: number;
  major?: PostgresMajor;
  report: Report;
  /** Settings that win over ours; for tests. */
  settings?: Readonly<Record<string, string>>;
};

type Site = {
  binaries: PostgresBinaries;
  account: Account | undefined;
  dataFolder: string;
  logFile: string;
  password: string;
};

/** SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one; both leave data that recovers. */
const stopSteps: readonly StopStep[] = [
  { signal: 'SIGINT', waitMs: 30_000 },
  { signal: 'SIGQUIT', waitMs: 5_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

const PORT_ATTEMPTS = 5;

/**
 * Starts a PostgreSQL of our own in `folder`, on 127.0.0.1, with a database and a superuser of its own. What a
 * killed run left running on the same data is stopped first.
 *
 * @throws {FairleadError} `stack-running`, `port-taken`, `disk-full`, `permission-denied`, `stack-failed`
 */
export async function startPostgres(options: StartPostgresOptions): Promise<PostgresServer> {
  const { folder } = options;
  let release = () => {};
  try {
    await mkdir(folder, { recursive: true });
    release = lockFolder(folder).release;
    const site = await prepareSite(options);
    const server = await startOnFreePort(site, options);
    void server.exited.then(release);
    return server;
  } catch (error) {
    release();
    throw stackFailure('the local PostgreSQL did not start', folder, error);
  }
}

async function prepareSite(options: StartPostgresOptions): Promise<Site> {
  const { report, major = 18 } = options;
  const folder = await realpath(options.folder);
  const account = await postgresAccount();
  if (account) await chmod(folder, 0o755);
  const place = await reachableFolder({ folder, account, report });
  const dataFolder = join(place, 'data');
  const passwordFile = join(folder, 'password');
  await stopLeftoverPostgres(dataFolder, report);
  if (place !== folder) await putOrphanAside(dataFolder, passwordFile, report);
  const binaries = await findPostgresBinaries({ major, account, copyFolder: place, report });
  const password = await preparePostgresData({
    dataFolder,
    passwordFile,
    binaries,
    account,
    major,
  });
  return { binaries, account, dataFolder, logFile: join(folder, 'postgres.log'), password };
}

/** Data that is kept outside the home stays when somebody removes the home to start anew. */
async function putOrphanAside(
  dataFolder: string,
  passwordFile: string,
  report: Report,
): Promise<void> {
  if (existsSync(passwordFile) || !existsSync(dataFolder)) return;
  report(`PostgreSQL starts anew: the data of a home that was removed is now ${dataFolder}.old`);
  await rm(`${dataFolder}.old`, { recursive: true, force: true });
  await rename(dataFolder, `${dataFolder}.old`);
}

/**
 * `postmaster.pid` names the server of this data folder; its own command line must say so too. If the id now
 * belongs to somebody else, the file goes: PostgreSQL would take it for a server that runs.
 */
export async function stopLeftoverPostgres(dataFolder: string, report: Report): Promise<void> {
  const pid = postmasterOf(dataFolder);
  const left = pid === undefined ? undefined : identify(pid);
  if (left === undefined) return;
  if (!isServerOf(left.pid, dataFolder)) return await rm(join(dataFolder, 'postmaster.pid'));
  report(`PostgreSQL of an earlier run still runs (process ${left.pid}): stopping it`);
  await stopProcess(left, stopSteps);
}

function postmasterOf(dataFolder: string): number | undefined {
  try {
    const line = readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8').split('\n', 1)[0];
    const pid = Number(line);
    return Number.isSafeInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isServerOf(pid: number, dataFolder: string): boolean {
  const commandLine = commandLineOf(pid) ?? '';
  return commandLine.includes('postgres') && commandLine.includes(`-D ${dataFolder} `);
}

/** Between the look for a free port and the server's own bind, another may take it: then with another port. */
async function startOnFreePort(site: Site, options: StartPostgresOptions): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort({
      wanted: options.port,
      usual: USUAL_POSTGRES_PORT,
      for: 'PostgreSQL',
    });
    try {
      return await startOn(port, site, options);
    } catch (error) {
      const taken = error instanceof Error && /Address already in use/.test(error.message);
      if (!taken) throw error;
      if (options.port !== undefined) throw portTaken(port, 'PostgreSQL');
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

async function startOn(
  port: number,
  site: Site,
  options: StartPostgresOptions,
): Promise<PostgresServer> {
  const child = await spawnPostgres(port, site, options.settings);
  const url = (database: string) =>
    `postgresql://${POSTGRES_USER}:${site.password}@127.0.0.1:${port}/${database}`;
  try {
    await awaitPostgres({ child, url, database: POSTGRES_DATABASE, report: options.report });
  } catch (error) {
    await child.stop(stopSteps);
    throw new Error(`${messageOf(error)}\n${await child.lastWords()}`, { cause: error });
  }
  return {
    url: url(POSTGRES_DATABASE),
    port,
    pid: child.pid,
    version: site.binaries.version,
    exited: child.exited,
    stop: () => child.stop(stopSteps),
  };
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

function spawnPostgres(
  port: number,
  { binaries, account, dataFolder, logFile }: Site,
  settings: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const all = { ...postgresSettings(port), ...settings };
  return startServerProcess(binaries.postgres, ['-D', dataFolder, ...settingArguments(all)], {
    cwd: dataFolder,
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    logFile,
    ...(account && { uid: account.uid, gid: account.gid }),
  });
}
