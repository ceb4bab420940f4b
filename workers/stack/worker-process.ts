import { join } from 'node:path';
import { removePidFile, stopLeftover, writePidFile } from './pid-file.ts';
import type { Report } from './report.ts';
import { startServerProcess } from './server-process.ts';
import type { StopStep } from './stop-process.ts';
import { supervise } from './supervise.ts';
import type { Running, Supervised } from './supervise.ts';

/** How the caller wants its worker started; `env` is added to our own environment. */
export type WorkerCommand = {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
};

/**
 * The worker processes that one home can have. A pivot that fills a core never delays a sensor's pong: so the
 * sensors have a process of their own.
 */
export type WorkerPart = 'worker' | 'sensorWorker';

const nameOf: Record<WorkerPart, string> = {
  worker: 'the worker',
  sensorWorker: 'the sensor worker',
};

const fileOf: Record<WorkerPart, string> = { worker: 'worker', sensorWorker: 'sensor-worker' };

export const workerLogIn = (home: string, part: WorkerPart): string =>
  join(home, `${fileOf[part]}.log`);

const pidFileIn = (home: string, part: WorkerPart): string => join(home, `${fileOf[part]}.pid`);

/** With more arenas, what glibc keeps of freed memory grows a worker by 40 MiB. */
const WORKER_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };

/** Unless the user's environment says otherwise. With Node's four threads, two disks that hang hold up all others. */
const DEFAULTS_OF = { worker: {}, sensorWorker: { UV_THREADPOOL_SIZE: '16' } };

/** A worker first lets its chunks, or its recordings, come to an end. */
export const workerStopSteps: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 35_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Starts a worker, with its log and pid file in `home`, and starts it again whenever it ends unasked. */
export async function superviseWorker(
  home: string,
  part: WorkerPart,
  command: WorkerCommand,
  report: Report,
): Promise<Supervised> {
  const start = () => startWorkerProcess(home, part, command);
  return supervise({ name: nameOf[part], first: await start(), report, restart: start });
}

/** Starts a worker once, with its log and pid file in `home`. */
export async function startWorkerProcess(
  home: string,
  part: WorkerPart,
  worker: WorkerCommand,
): Promise<Running> {
  const pidFile = pidFileIn(home, part);
  const child = await startServerProcess(worker.command, worker.args, {
    logFile: workerLogIn(home, part),
    env: { ...DEFAULTS_OF[part], ...process.env, ...WORKER_ENVIRONMENT, ...worker.env },
    ...(worker.cwd !== undefined && { cwd: worker.cwd }),
  });
  writePidFile(pidFile, child.pid);
  return {
    pid: child.pid,
    exited: child.exited,
    stop: async () => {
      await child.stop(workerStopSteps);
      removePidFile(pidFile);
    },
  };
}

/** Stops what a killed run left; a worker's pid file names the very process by its start time, and needs no mark. */
export async function stopLeftoverWorkers(home: string, report: Report): Promise<void> {
  const steps = [{ signal: 'SIGTERM', waitMs: 3_000 }, workerStopSteps[1]!] as const;
  const stopOne = (part: WorkerPart) =>
    stopLeftover({ file: pidFileIn(home, part), name: nameOf[part], mark: '', steps, report });
  await Promise.all([stopOne('worker'), stopOne('sensorWorker')]);
}
