import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../workers/configuration/package-root.ts';

/** The build, also for those who run from the sources. */
const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

export interface Outcome {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Command {
  child: ChildProcess;
  /** What it ends with. */
  outcome: Promise<Outcome>;
}

/** Starts a command of the program, as a user would. */
export function startCommand(cwd: string, words: readonly string[]): Command {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const outcome = once(child, 'close').then(([exitCode]) => {
    return { exitCode: exitCode as number | null, stdout, stderr };
  });
  return { child, outcome };
}

/** Runs a command to its end. */
export const fairlead = (cwd: string, ...words: string[]): Promise<Outcome> =>
  startCommand(cwd, words).outcome;

export interface Running {
  child: ChildProcess;
  /** Resolves with the exit code; `null` after a signal. */
  ended: Promise<number | null>;
}

/** Starts a command that stays, with its output in files. */
export function startFairlead(cwd: string, logFile: string, ...words: string[]): Running {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(`${logFile}.log`));
  child.stdout.pipe(createWriteStream(`${logFile}.out`));
  const ended = once(child, 'close').then(([exitCode]) => exitCode as number | null);
  return { child, ended };
}

/** The process that a pid file of the stack names. */
export function pidIn(file: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid;
  } catch {
    return undefined;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** @returns undefined for a process that is gone; Linux only */
export function sampleOf(pid: number): { rssMiB: number; descriptors: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return Number.isFinite(kib) ? { rssMiB: kib / 1_024, descriptors } : undefined;
  } catch {
    return undefined;
  }
}
