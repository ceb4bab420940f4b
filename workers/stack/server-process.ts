import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, renameSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { identify } from '../../activities/process-identity.ts';
import { stopProcess } from './stop-process.ts';
import type { StopStep } from './stop-process.ts';

/** How a process ended: with an exit code, or by a signal. */
export type Exit = { code: number | null; signal: NodeJS.Signals | null };

export type ServerProcess = {
  pid: number;
  /** Settles when the process is gone, whoever ended it. */
  exited: Promise<Exit>;
  isRunning: () => boolean;
  /** What it wrote last, for the error that it did not start. */
  lastWords: () => Promise<string>;
  stop: (steps: readonly StopStep[]) => Promise<void>;
};

const MAX_LOG_BYTES = 10_000_000;

/**
 * Starts a process that outlives a Ctrl-C on our terminal (its own process group) and writes to a log file.
 *
 * @throws the spawn error: `ENOENT`, `EACCES`…
 */
export async function startServerProcess(
  command: string,
  args: readonly string[],
  options: Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> & { logFile: string },
): Promise<ServerProcess> {
  const { logFile, ...spawnOptions } = options;
  const log = openLog(logFile);
  const logStart = fstatSync(log).size;
  try {
    const child = spawn(command, args, {
      ...spawnOptions,
      detached: true,
      stdio: ['ignore', log, log],
    });
    const exited = new Promise<Exit>((resolve) => {
      child.on('exit', (code, signal) => resolve({ code, signal }));
    });
    child.on('error', () => undefined);
    await once(child, 'spawn');
    const pid = child.pid!;
    const identity = identify(pid);
    return {
      pid,
      exited,
      isRunning: () => child.exitCode === null && child.signalCode === null,
      lastWords: () => endOfLog(logFile, logStart),
      stop: async (steps) => {
        if (identity === undefined) child.kill('SIGKILL');
        else await stopProcess(identity, steps);
        await exited;
      },
    };
  } finally {
    closeSync(log);
  }
}

/** Appends; a log that has grown is put aside once, so that two files bound what years of restarts leave. */
function openLog(file: string): number {
  const log = openSync(file, 'a', 0o600);
  if (fstatSync(log).size < MAX_LOG_BYTES) return log;
  closeSync(log);
  renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

export const describeExit = ({ code, signal }: Exit): string =>
  signal === null ? `exit code ${code}` : `signal ${signal}`;

const MAX_OUTPUT_BYTES = 256_000;
const LAST_LINES = 8;
const TELLING_LINE = /panic:|fatal|error|in use|no space left/i;

/** The lines that name an error, if there are any: behind the reason of a panic, a hundred lines say where it was. */
async function endOfLog(logFile: string, start: number): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0));
  const text = bytes.subarray(start, start + MAX_OUTPUT_BYTES).toString();
  const lines = text.trim().split('\n');
  const telling = lines.filter((line) => TELLING_LINE.test(line));
  return (telling.length > 0 ? telling : lines).slice(-LAST_LINES).join('\n');
}
