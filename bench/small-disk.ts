import { spawnSync } from 'node:child_process';
import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';

/** @throws {Error} with what the command said, when it fails */
export function runAsRoot(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr}`);
}

/** Mounts a disk of its own on a folder, so many megabytes large, in memory; only root on Linux may. */
export const mountSmallDisk = (folder: string, megabytes: number): void =>
  runAsRoot('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0755`, 'tmpfs', folder);

export const unmountDisk = (folder: string): void => runAsRoot('umount', '--lazy', folder);

/** Takes all of a disk but what is smaller than a block. @returns what gives it back */
export async function fillDisk(folder: string): Promise<() => Promise<void>> {
  const ballast = join(folder, 'ballast');
  for (let taken = 0; ;) {
    const { bavail, bsize } = await statfs(folder);
    if (bavail === 0) break;
    taken += bavail * bsize;
    try {
      runAsRoot('fallocate', '--length', String(taken), ballast);
    } catch {
      // Somebody else took some of it meanwhile; of what is left half is tried.
      taken -= Math.ceil(bavail / 2) * bsize;
    }
  }
  return () => rm(ballast, { force: true });
}
