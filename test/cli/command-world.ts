import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import { ledgerSchemaOf, quoteSchema } from '../../activities/postgres/ledger-schema.ts';
import { namesOf, type Names } from '../../domain/names.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { reported } from '../reported.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Timers that are short enough for a test. */
const TIMING = `
[timing]
retryInitial = "200ms"
retryMaximum = "1s"
retryAttempts = 3
transientWait = ["1s", "1s"]
operatorWait = ["1s", "1s"]
`;

export interface Answer {
  exitCode: number | null;
  stdout: string;
  stderr: string;
  /** The one document on stdout. */
  json: () => Document;
}

/** All keys that the commands' documents have; each has some of them. */
export interface Document {
  ships: (Record<string, unknown> & { chunks: Record<string, number> })[];
  sensors: Record<string, unknown>[];
  failed: unknown[];
  error: { code: string; message: string; hint: string };
}

export interface CommandWorld extends AsyncDisposable {
  database: TestDatabase;
  /** Of its workflows. */
  names: Names;
  /** The schema of its ledger, for SQL. */
  ledger: string;
  folder: string;
  /** Runs a command to its end, without a terminal. */
  fairlead: (...words: string[]) => Promise<Answer>;
  /** One that is not waited for. */
  start: (...words: string[]) => ReturnType<typeof startCommand>;
  /** A worker of this world, until it is disposed of. */
  startWorker: (...words: string[]) => Promise<WorldWorker>;
  /** One of another build, by its `main.js`. */
  startWorkerOf: (main: string, ...words: string[]) => Promise<WorldWorker>;
}

export interface WorldWorker extends AsyncDisposable {
  pid: number;
  /** Settles when the process has ended. */
  ended: Promise<Answer>;
  log: () => string;
  /** Until a line of its log is like this. */
  says: (pattern: RegExp) => Promise<void>;
  kill: (signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM') => void;
}

export interface WorldOptions {
  /** Another world's, that has several installations. */
  database?: TestDatabase;
  installation?: string;
  sourceUrl?: (url: string) => string;
  targetUrl?: (url: string) => string;
  /** More of `fairlead.toml`. */
  configuration?: string;
  /** More of its `[source]`, and of its `[migration]`. */
  source?: string;
  migration?: string;
  /** More of its `[target]`. */
  target?: string;
  /** Instead of the Temporal server that all tests share. */
  environment?: Record<string, string>;
}

/** A database, a folder with `fairlead.toml`, and names of its own on the Temporal server that all tests share. */
export async function commandWorld({
  database: shared,
  installation: name,
  sourceUrl = (url) => url,
  targetUrl = (url) => url,
  configuration = '',
  source = '',
  migration = '',
  target = '',
  environment = {},
}: WorldOptions = {}): Promise<CommandWorld> {
  const database = shared ?? (await freshDatabase());
  const folder = await temporaryFolder();
  const installation = name ?? database.name.replace('_', '-');
  await writeFile(
    join(folder.path, 'fairlead.toml'),
    `[source]\nurl = "${sourceUrl(database.url)}"\n${source}[target]\nurl = "${targetUrl(database.url)}"\n${target}` +
      `[migration]\ninstallation = "${installation}"\n${migration}${TIMING}\n${configuration}`,
  );
  const start = (words: string[], main = MAIN) =>
    startCommand(folder.path, main, words, environment);
  const startWorkerOf = async (main: string, ...words: string[]): Promise<WorldWorker> => {
    const worker = start(['worker', ...words], main);
    const ended = worker.outcome.then(({ exitCode, stderr }) => {
      throw new Error(`the worker ended with ${exitCode}: ${stderr}`);
    });
    await Promise.race([worker.stderr.waitFor(/worker started/), ended]);
    return {
      pid: worker.child.pid!,
      ended: worker.outcome,
      log: () => worker.stderr.lines.join(''),
      says: (pattern) => worker.stderr.waitFor(pattern),
      kill: (signal) => worker.child.kill(signal),
      [Symbol.asyncDispose]: async () => {
        worker.child.kill('SIGTERM');
        await worker.outcome;
      },
    };
  };
  return {
    database,
    names: namesOf(installation),
    ledger: quoteSchema(ledgerSchemaOf(installation)),
    folder: folder.path,
    fairlead: (...words) => start(words).outcome,
    start: (...words) => start(words),
    startWorker: (...words) => startWorkerOf(MAIN, ...words),
    startWorkerOf,
    [Symbol.asyncDispose]: async () => {
      await folder[Symbol.asyncDispose]();
      if (!shared) await database[Symbol.asyncDispose]();
    },
  };
}

function startCommand(
  cwd: string,
  main: string,
  words: string[],
  environment: Record<string, string>,
) {
  const child = spawn(process.execPath, [main, ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TEMPORAL_ADDRESS: inject('temporalAddress'), ...environment },
  });
  const [stdout, stderr] = [reported(), reported()];
  child.stdout.setEncoding('utf8').on('data', stdout.report);
  child.stderr.setEncoding('utf8').on('data', stderr.report);
  const outcome = once(child, 'close').then(([exitCode]): Answer => {
    const text = stdout.lines.join('');
    return {
      exitCode: exitCode as number | null,
      stdout: text,
      stderr: stderr.lines.join(''),
      json: () => JSON.parse(text) as Document,
    };
  });
  return { child, stderr, outcome };
}
