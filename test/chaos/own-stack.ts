import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { inject } from 'vitest';
import { startCommand } from '../../bench/soak/processes.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { temporaryFolder } from '../temporary-folder.ts';

/** Who can be killed under a running `fairlead up`. */
export type Victim = 'worker' | 'sensorWorker' | 'postgres' | 'temporal';

const PID_FILES: Record<Victim, string> = {
  worker: 'worker.pid',
  sensorWorker: 'sensor-worker.pid',
  postgres: join('postgres', 'data', 'postmaster.pid'),
  temporal: join('temporal', 'temporal.pid'),
};

export interface OwnStack extends AsyncDisposable {
  /** What `up --json` said. */
  ready: Ready;
  folder: string;
  /** Starts a command of the program, which answers as JSON. */
  start(...words: string[]): Command;
  kill(victim: Victim): Promise<void>;
  /** One question to the database; it is asked again while the server is away. */
  query<Row extends object>(sql: string): Promise<Row[]>;
}

export interface Ready {
  sourceUrl: string;
  metricsUrl: string;
  sensorMetricsUrl: string | null;
}

export interface Command {
  child: ChildProcess;
  /** What it ends with. */
  outcome: Promise<{ exitCode: number | null; json: unknown; stderr: string }>;
}

/** `fairlead up` in a folder of its own, as a user has it, with timers that are short enough for a test. */
export async function startOwnStack(configuration: string): Promise<OwnStack> {
  const folder = await temporaryFolder();
  const home = join(folder.path, '.fairlead');
  await mkdir(join(home, 'cache'), { recursive: true });
  const cli = inject('temporalCliPath');
  await symlink(cli, join(home, 'cache', basename(cli)));
  await writeFile(join(folder.path, 'fairlead.toml'), `${await ownPorts()}${configuration}`);
  const run = (...words: string[]) => startJsonCommand(folder.path, words);
  const up = run('up');
  const ready = await firstLine(up.child);
  return {
    ready,
    folder: folder.path,
    start: run,
    kill: (victim) => killWhenAlive(join(home, PID_FILES[victim])),
    query: (sql) => queryPatiently(ready.sourceUrl, sql),
    [Symbol.asyncDispose]: async () => {
      up.child.kill('SIGTERM');
      await up.outcome;
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** The usual ports are free while a killed server is away, and another test's stack would take them. */
async function ownPorts(): Promise<string> {
  const [postgres, temporal, temporalUi] = [
    await anyFreePort(),
    await anyFreePort(),
    await anyFreePort(),
  ];
  return `[stack]\npostgresPort = ${postgres}\ntemporalPort = ${temporal}\ntemporalUiPort = ${temporalUi}\n`;
}

function startJsonCommand(folder: string, words: string[]): Command {
  const { child, outcome } = startCommand(folder, [...words, '--json']);
  const told = async () => {
    const { exitCode, stdout, stderr } = await outcome;
    return { exitCode, json: parseJson(stdout), stderr };
  };
  return { child, outcome: told() };
}

const parseJson = (text: string): unknown => (text.startsWith('{') ? JSON.parse(text) : undefined);

async function firstLine(child: ChildProcess): Promise<Ready> {
  const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
  return JSON.parse(line) as Ready;
}

/** One that was killed a moment ago is waited for. */
async function killWhenAlive(pidFile: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      process.kill(await readPid(pidFile), 'SIGKILL');
      return;
    } catch (error) {
      if (tries === 600) throw error;
      await sleep(100);
    }
  }
}

/** PostgreSQL's file begins with the process id, ours are JSON. */
async function readPid(file: string): Promise<number> {
  const text = await readFile(file, 'utf8');
  return text.startsWith('{')
    ? (JSON.parse(text) as { pid: number }).pid
    : Number.parseInt(text, 10);
}

async function queryPatiently<Row extends object>(url: string, sql: string): Promise<Row[]> {
  for (let tries = 0; ; tries++) {
    try {
      return await queryOnce<Row>(url, sql);
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

async function queryOnce<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => {
    // The server was killed; the query fails with it, and is asked again.
  });
  try {
    await client.connect();
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}
