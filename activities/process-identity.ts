import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process id together with what tells it from a later process of the same id. */
export type ProcessIdentity = { pid: number; startedAt: string };

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** @returns the identity of a living process; `undefined` when there is none */
export function identify(pid: number): ProcessIdentity | undefined {
  if (!isAlive(pid)) return undefined;
  const startedAt = process.platform === 'linux' ? startInBoot(pid) : ps(pid, 'lstart=');
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether that very process still lives, and not another one that got its id. */
export const isSameProcess = ({ pid, startedAt }: ProcessIdentity): boolean =>
  identify(pid)?.startedAt === startedAt;

/** @returns the words of the command line, joined by spaces; `undefined` when it cannot be read */
export const commandLineOf = (pid: number): string | undefined =>
  process.platform === 'linux'
    ? readProc(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim()
    : ps(pid, 'command=');

/** Boot id and clock ticks since that boot: the same pair never comes again. */
function startInBoot(pid: number): string | undefined {
  const boot = readProc('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
  const ticks = statOf(pid)?.[19];
  return ticks === undefined ? undefined : `${boot} ${ticks}`;
}

/** A process that ended and was not waited for by its parent still answers to signals. */
const isZombie = (pid: number): boolean => process.platform === 'linux' && statOf(pid)?.[0] === 'Z';

/** The fields of `/proc/<pid>/stat` behind the name, which may hold spaces and brackets itself. */
function statOf(pid: number): string[] | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function ps(pid: number, field: string): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', field, '-p', String(pid)], {
      encoding: 'utf8',
      timeout: 5_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return text.trim() || undefined;
  } catch {
    return undefined;
  }
}
