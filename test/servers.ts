import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { runSql } from './run-sql.ts';
import { lockFolder } from '../workers/stack/folder-lock.ts';
import { startPostgres } from '../workers/stack/postgres-server.ts';
import type { PostgresMajor } from '../workers/stack/postgres-binaries.ts';
import { findTemporalCli } from '../workers/stack/temporal-cli.ts';
import { startTemporal } from '../workers/stack/temporal-server.ts';
import { anyFreePort } from '../workers/stack/choose-port.ts';
import { clearUpKilledRuns, TEST_FOLDER_PREFIX } from './clear-up-killed-runs.ts';
import { narrowTableSql, TEMPLATE_DATABASE } from './narrow-table.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The superuser's URL of the server's own database, by major version. */
    postgresUrls: Record<PostgresMajor, string>;
    temporalAddress: string;
    temporalUiUrl: string;
    /** Of a server that suggests to continue as new after 40 events. */
    shortHistoryTemporalAddress: string;
    /** The Temporal CLI, fetched once into the project's cache. */
    temporalCliPath: string;
  }
}

type Server = { stop(): Promise<void> };

const project = dirname(dirname(fileURLToPath(import.meta.url)));
const report = (line: string) => void process.stderr.write(`test servers: ${line}\n`);

/** For tests only: a crash of the machine may lose all. */
const careless = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };

/** Starts what the tests share, once for a run: PostgreSQL 18 and 13, and two Temporal servers. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await clearUpKilledRuns(report);
  const folder = await mkdtemp(join(tmpdir(), TEST_FOLDER_PREFIX));
  await chmod(folder, 0o755);
  lockFolder(folder);
  const servers: Server[] = [];
  const keep = <S extends Server>(server: S): S => {
    servers.push(server);
    return server;
  };
  const teardown = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const starts = await Promise.allSettled([
    startDatabases(folder, keep).then((urls) => provide('postgresUrls', urls)),
    startTemporals(folder, keep, provide),
  ]);
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed === undefined) return teardown;
  await teardown();
  throw failed.reason;
}

type Keep = <S extends Server>(server: S) => S;

async function startDatabases(folder: string, keep: Keep): Promise<Record<PostgresMajor, string>> {
  const start = async (major: PostgresMajor) => {
    const port = await anyFreePort();
    const options = { folder: join(folder, `postgres-${major}`), major, port, settings: careless };
    const { url } = keep(await startPostgres({ ...options, report }));
    await makeTemplate(url);
    return url;
  };
  const [pg18, pg13] = await Promise.all([start(18), start(13)]);
  return { 13: pg13, 18: pg18 };
}

async function makeTemplate(url: string): Promise<void> {
  await runSql(url, `create database ${TEMPLATE_DATABASE}`);
  const template = new URL(url);
  template.pathname = TEMPLATE_DATABASE;
  await runSql(template.href, narrowTableSql);
}

async function startTemporals(
  folder: string,
  keep: Keep,
  provide: TestProject['provide'],
): Promise<void> {
  const cli = await findTemporalCli({ cacheFolder: join(project, '.fairlead', 'cache'), report });
  provide('temporalCliPath', cli.path);
  /** A port that was free may be another's by the time the server binds it: then on other ones. */
  const start = async (name: string, extraArguments: string[]) => {
    for (let attempt = 1; ; attempt++) {
      const ports = { port: await anyFreePort(), uiPort: await anyFreePort() };
      const options = { folder: join(folder, name), cli, ...ports, extraArguments, report };
      try {
        return keep(await startTemporal(options));
      } catch (error) {
        if ((error as { code?: string }).code !== 'port-taken' || attempt === 3) throw error;
      }
    }
  };
  const shortHistory = 'limit.historyCount.suggestContinueAsNew=40';
  const [usual, short] = await Promise.all([
    start('temporal', []),
    start('temporal-short-history', ['--dynamic-config-value', shortHistory]),
  ]);
  provide('temporalAddress', usual.address);
  provide('temporalUiUrl', usual.uiUrl);
  provide('shortHistoryTemporalAddress', short.address);
}
