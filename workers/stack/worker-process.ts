import { join } from 'node:path';
import { removePidFile, stopLeftover, writePidFile } from './pid-file.ts';
import type { Report } from './report.ts';
import { startServerProcess } from './server-process.ts';
import type { StopStep } from './stop-process.ts';
import type { Running } from './supervise.ts';

/** How the caller wants its worker started; `env` is added to our own environment. */
export type WorkerCommand = {
  command: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
};

/** With more arenas, what glibc keeps of freed memory grows a worker by 40 MiB. */
const WORKER_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };

/** A worker first lets its chunks come to an end. */
export const workerStopSteps: readonly StopStep[] = [
  { signal: 'SIGTERM', waitMs: 35_000 },
  { signal: 'SIGKILL', waitMs: 5_000 },
];

/** Starts the worker, with its log and pid file in `home`; what a killed run left running is stopped first. */
export async function startWorkerProcess(home: string, worker: WorkerCommand): Promise<Running> {
  const child = await startServerProcess(worker.command, worker.args, {
    logFile: join(home, 'worker.log'),
    env: { ...process.env, ...WORKER_ENVIRONMENT, ...worker.env },
    ...(worker.cwd !== undefined && { cwd: worker.cwd }),
  });
  writePidFile(pidFileIn(home), child.pid);
  return {
    pid: child.pid,
    exited: child.exited,
    stop: async () => {
      await child.stop(workerStopSteps);
      removePidFile(pidFileIn(home));
    },
  };
}

/** The pid file of a worker names the very process by its start time: it needs no mark of its own. */
export const stopLeftoverWorker = (home: string, report: Report): Promise<void> =>
  stopLeftover({
    file: pidFileIn(home),
    name: 'the worker',
    mark: '',
    steps: [{ signal: 'SIGTERM', waitMs: 3_000 }, workerStopSteps[1]!],
    report,
  });

const pidFileIn = (home: string): string => join(home, 'worker.pid');
