import { statfs } from 'node:fs/promises';

/** What recordings leave free for everything else on a disk. */
const LARGEST_RESERVE_BYTES = 2 ** 30;
const RESERVE_SHARE = 0.05;
/** After a full disk, recording goes on only when there is clearly room. */
const RESUME_FACTOR = 1.5;
const DEFAULT_KEEP_BYTES = 10_000_000_000;
const DEFAULT_KEEP_SHARE = 0.1;

export interface DiskRoom {
  freeBytes: number;
  reserveBytes: number;
}

/** @throws {Error} of the file system */
export async function readDiskRoom(folder: string): Promise<DiskRoom> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return {
    freeBytes: bavail * bsize,
    reserveBytes: Math.min(LARGEST_RESERVE_BYTES, blocks * bsize * RESERVE_SHARE),
  };
}

export const isNearlyFull = ({ freeBytes, reserveBytes }: DiskRoom): boolean =>
  freeBytes < reserveBytes;

export const hasRoomAgain = ({ freeBytes, reserveBytes }: DiskRoom): boolean =>
  freeBytes >= reserveBytes * RESUME_FACTOR;

/**
 * What the segments of a sensor's stream may take together where nobody said: 10 GB, or a tenth of what is free where
 * that is less.
 */
export function defaultKeepBytes({ freeBytes }: DiskRoom): number {
  return Math.min(DEFAULT_KEEP_BYTES, Math.floor(freeBytes * DEFAULT_KEEP_SHARE));
}

/** `1.2 GB`, `340 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(
    units.length - 1,
    Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)),
  );
  const amount = bytes / 1_000 ** power;
  return `${power === 0 ? amount : amount.toFixed(amount < 10 ? 1 : 0)} ${units[power]}`;
}
