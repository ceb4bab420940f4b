import { rmSync } from 'node:fs';
import { z } from 'zod';
import { commandLineOf, identify, isSameProcess } from '../../activities/process-identity.ts';
import { readJsonFile } from './read-json-file.ts';
import type { Report } from './report.ts';
import { stopProcess } from './stop-process.ts';
import type { StopStep } from './stop-process.ts';
import { writePrivateFile } from './write-private-file.ts';

const pidFileSchema = z.object({ pid: z.number(), startedAt: z.string() });

/** Puts a process that was just started on record, for the run after one that was killed. */
export function writePidFile(file: string, pid: number): void {
  const identity = identify(pid);
  if (identity !== undefined) writePrivateFile(file, JSON.stringify(identity));
}

export const removePidFile = (file: string): void => rmSync(file, { force: true });

/**
 * Stops the process that a killed run left behind. It is found by its pid file alone, and only when it is that
 * very process and its command line still holds `mark`.
 */
export async function stopLeftover(options: {
  file: string;
  name: string;
  mark: string;
  steps: readonly StopStep[];
  report: Report;
}): Promise<void> {
  const left = readJsonFile(options.file, pidFileSchema);
  if (left !== undefined && isSameProcess(left) && isOurs(left.pid, options.mark)) {
    options.report(
      `${options.name} of an earlier run still runs (process ${left.pid}): stopping it`,
    );
    await stopProcess(left, options.steps);
  }
  removePidFile(options.file);
}

const isOurs = (pid: number, mark: string): boolean => commandLineOf(pid)?.includes(mark) ?? false;
