import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../../../temporary-folder.ts';

const run = (command: string, ...args: string[]) => {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
};

export type Disk = AsyncDisposable & { path: string };

/** A disk of its own, so many megabytes large, in memory; only root on Linux may have one. */
export async function smallDisk(megabytes: number): Promise<Disk> {
  const folder = await temporaryFolder();
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder.path);
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      run('umount', '--lazy', folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A disk that can be made to hang: whoever writes to it waits until it thaws. */
export async function freezableDisk(
  megabytes: number,
): Promise<Disk & { freeze: () => void; thaw: () => void }> {
  const folder = await temporaryFolder();
  const [image, path] = [join(folder.path, 'image'), join(folder.path, 'disk')];
  await mkdir(path);
  run('truncate', '-s', `${megabytes}M`, image);
  run('mkfs.ext4', '-q', image);
  run('mount', '-o', 'loop', image, path);
  let isFrozen = false;
  const thaw = () => {
    if (isFrozen) run('fsfreeze', '--unfreeze', path);
    isFrozen = false;
  };
  return {
    path,
    thaw,
    freeze: () => {
      run('fsfreeze', '--freeze', path);
      isFrozen = true;
    },
    [Symbol.asyncDispose]: async () => {
      thaw();
      run('umount', '--lazy', path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** @returns why not, or undefined when such disks can be made here */
export async function whyNoDisks(): Promise<string | undefined> {
  try {
    await using small = await smallDisk(1);
    await using freezable = await freezableDisk(8);
    freezable.freeze();
    return small.path === freezable.path ? 'unreachable' : undefined;
  } catch (error) {
    return (error as Error).message.trim();
  }
}
