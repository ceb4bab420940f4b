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

/** Others take and give blocks meanwhile: so near to nothing is full. */
const NEARLY_NOTHING_BLOCKS = 8;
const FILL_TRIES = 12;

/** Takes a disk but for a few blocks. @returns what gives it back */
export async function fillDisk(folder: string): Promise<() => Promise<void>> {
  const ballast = join(folder, 'ballast');
  for (let [taken, tries] = [0, 0]; tries < FILL_TRIES; tries++) {
    const { bavail, bsize } = await statfs(folder);
    if (bavail <= NEARLY_NOTHING_BLOCKS) break;
    // What another one takes between the look and the deed is not to be had: so half is tried the next time.
    const wanted = Math.floor(bavail / (tries % 2 === 0 ? 1 : 2)) * bsize;
    try {
      runAsRoot('fallocate', '--length', String(taken + wanted), ballast);
      taken += wanted;
    } catch {
      continue;
    }
  }
  return () => rm(ballast, { force: true });
}
