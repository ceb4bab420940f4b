import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import type { Simulator } from '../../simulator/start-simulator.ts';
import {
  fairlead,
  isAlive,
  pidIn,
  startFairlead,
  type Outcome,
  type Running,
} from './processes.ts';

export const SENSOR = 'pier-3';
const START_PATIENCE_MS = 240_000;
const RESTART_PATIENCE_MS = 90_000;
const POLL_MS = 50;

/** `fairlead up` with one sensor in its configuration, and beside it `sensor hold` on the cloud stream. */
export interface SoakStack {
  folder: string;
  /** Where the session records, and where the witness does. */
  recordings: string;
  witnessRecordings: string;
  workerPid(): number | undefined;
  witnessPid: number;
  witnessEnded: Promise<number | null>;
  /** Sends the signal to Temporal's server, or to the sensors' worker, and waits for the one that comes after it. */
  strike(victim: 'sensorWorker' | 'temporal', signal: NodeJS.Signals): Promise<{ atMs: number }>;
  command(...words: string[]): Promise<Outcome>;
  /** Ends the witness and the stack in order. */
  stop(): Promise<SoakEnd>;
}

export interface SoakEnd {
  upExitCode: number | null;
  witnessExitCode: number | null;
  /** Processes of the stack that are left. */
  left: number[];
}

/**
 * Starts it all in a new folder.
 *
 * @param rotateEvery a duration as the configuration has it
 */
export async function startSoakStack(
  simulator: Simulator,
  rotateEvery: string,
): Promise<SoakStack> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-soak-'));
  // PostgreSQL, which does not run as root, keeps its files elsewhere when it may not enter.
  await chmod(folder, 0o755);
  const home = join(folder, '.fairlead');
  await mkdir(home);
  const cache = resolve(packageRoot, '.fairlead', 'cache');
  await mkdir(cache, { recursive: true });
  await symlink(cache, join(home, 'cache'));
  await writeFile(join(folder, 'fairlead.toml'), await configuration(simulator, rotateEvery));
  const up = startFairlead(folder, join(folder, 'up'), 'up', '--json');
  await firstLine(up);
  const witness = startWitness(folder, simulator);
  const pidFiles = {
    worker: join(home, 'worker.pid'),
    sensorWorker: join(home, 'sensor-worker.pid'),
    temporal: join(home, 'temporal', 'temporal.pid'),
  };
  const allPids = () => Object.values(pidFiles).flatMap((file) => pidIn(file) ?? []);
  return {
    folder,
    recordings: join(folder, 'recordings'),
    witnessRecordings: join(folder, 'witness'),
    workerPid: () => pidIn(pidFiles.sensorWorker),
    witnessPid: witness.child.pid!,
    witnessEnded: witness.ended,
    strike: (victim, signal) => strike(pidFiles[victim], signal),
    command: (...words) => fairlead(folder, ...words),
    stop: () => stopAll(up, witness, allPids()),
  };
}

async function configuration({ urls }: Simulator, rotateEvery: string): Promise<string> {
  const [postgres, temporal, ui] = [await anyFreePort(), await anyFreePort(), await anyFreePort()];
  return `[stack]
postgresPort = ${postgres}
temporalPort = ${temporal}
temporalUiPort = ${ui}

[[sensors]]
name = "${SENSOR}"
url = "${urls.output}"
rest = "${urls.rest}"
out = "recordings"
rotateEvery = "${rotateEvery}"
keepBytes = "10GiB"
`;
}

function startWitness(folder: string, { urls }: Simulator): Running {
  const words = ['--url', urls.points, '--stream', 'points', '--out', 'witness', '--json'];
  return startFairlead(folder, join(folder, 'hold'), 'sensor', 'hold', ...words);
}

async function firstLine({ child, ended }: Running): Promise<void> {
  const line = once(child.stdout!, 'data').then(() => true);
  const late = sleep(START_PATIENCE_MS, false, { ref: false });
  if (!(await Promise.race([line, ended.then(() => false), late])))
    throw new Error('fairlead up did not come up');
}

async function strike(pidFile: string, signal: NodeJS.Signals): Promise<{ atMs: number }> {
  const pid = await untilPid(pidFile, isAlive);
  const atMs = performance.timeOrigin + performance.now();
  process.kill(pid, signal);
  await untilPid(pidFile, (next) => next !== pid && isAlive(next));
  return { atMs };
}

async function untilPid(pidFile: string, fits: (pid: number) => boolean): Promise<number> {
  for (const since = Date.now(); Date.now() - since < RESTART_PATIENCE_MS; await sleep(POLL_MS)) {
    const pid = pidIn(pidFile);
    if (pid !== undefined && fits(pid)) return pid;
  }
  throw new Error(`${pidFile} names no such process`);
}

async function stopAll(up: Running, witness: Running, pids: number[]): Promise<SoakEnd> {
  witness.child.kill('SIGTERM');
  const witnessExitCode = await witness.ended;
  up.child.kill('SIGTERM');
  const upExitCode = await up.ended;
  return { upExitCode, witnessExitCode, left: pids.filter(isAlive) };
}
