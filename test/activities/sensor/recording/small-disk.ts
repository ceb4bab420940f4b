import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mountSmallDisk, runAsRoot as run, unmountDisk } from '../../../../bench/small-disk.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';

export type Disk = AsyncDisposable & { path: string };

/** A disk of its own, so many megabytes large, in memory; only root on Linux may have one. */
export async function smallDisk(megabytes: number): Promise<Disk> {
  const folder = await temporaryFolder();
  mountSmallDisk(folder.path, megabytes);
  return {
    path: folder.path,
    [Symbol.asyncDispose]: async () => {
      unmountDisk(folder.path);
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
      unmountDisk(path);
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
