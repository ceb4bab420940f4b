import { formatBytes } from '../../../domain/format-figures.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { statfs } from 'node:fs/promises';

/** What recordings leave free for everything else on a disk. */
const LARGEST_RESERVE_BYTES = 2 ** 30;
const RESERVE_SHARE = 0.05;
/** After a full disk, recording goes on only when there is clearly room. */
const RESUME_FACTOR = 1.5;
const LOOK_EVERY_MS = 1_000;
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

/**
 * What the segments of a sensor's stream may take together where nobody said: 10 GB, or a tenth of what is free where
 * that is less.
 */
export function defaultKeepBytes({ freeBytes }: DiskRoom): number {
  return Math.min(DEFAULT_KEEP_BYTES, Math.floor(freeBytes * DEFAULT_KEEP_SHARE));
}

/** Knows how much room is left on a folder's disk, without asking too often. */
export class RoomWatch {
  readonly #folder: string;
  #room: DiskRoom = { freeBytes: 0, reserveBytes: 0 };
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #sinceLook = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  countWritten(bytes: number): void {
    this.#sinceLook += bytes;
  }

  /** @throws {FairleadError} `recording-disk-full` when no more than the reserve is free */
  async requireRoom(): Promise<void> {
    const isLongAgo = performance.now() - this.#lookedAtMs > LOOK_EVERY_MS;
    const mayBeFull = this.#room.freeBytes - this.#sinceLook < this.#room.reserveBytes;
    if (isLongAgo || mayBeFull) await this.#look();
    if (this.#room.freeBytes < this.#room.reserveBytes) throw diskFull(this.#folder, this.#room);
  }

  async hasRoomAgain(): Promise<boolean> {
    await this.#look();
    return this.#room.freeBytes >= this.#room.reserveBytes * RESUME_FACTOR;
  }

  async #look(): Promise<void> {
    this.#room = await readDiskRoom(this.#folder);
    this.#lookedAtMs = performance.now();
    this.#sinceLook = 0;
  }
}

function diskFull(folder: string, { freeBytes, reserveBytes }: DiskRoom): FairleadError {
  const [free, reserve] = [formatBytes(freeBytes), formatBytes(reserveBytes)];
  return new FairleadError(
    'recording-disk-full',
    `${folder}: ${free} are free on its disk, and ${reserve} are left for everything else`,
    { hint: 'make room on the disk; recording goes on by itself' },
  );
}

/** Room may come again, and the file is as good as it was. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'recording-disk-full'].includes(String((error as { code?: unknown }).code));
