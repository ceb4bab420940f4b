import { mkdir } from 'node:fs/promises';
import { FairleadError } from '../../../domain/errors.ts';
import type { SensorLog } from '../sensor-log.ts';
import {
  defaultKeepBytes,
  formatBytes,
  hasRoomAgain,
  isNearlyFull,
  readDiskRoom,
  type DiskRoom,
} from './disk-room.ts';
import type { Entry } from './entry.ts';
import type { RecordingOptions } from './recording-options.ts';
import { deleteOldSegments, heldBytes } from './retention.ts';
import { Segment } from './segment.ts';
import type { SegmentOrigin } from './segment-name.ts';
import type { FinishedSegment } from './stream-consumer.ts';

const TOUCH_EVERY_MS = 10_000;
const LOOK_AT_DISK_EVERY_MS = 1_000;
/** The cap is kept to within so much of it, or so many bytes. */
const CAP_SHARE = 0.05;
const CAP_BYTES = 64 * 2 ** 20;
/** One segment is no more than so much of the cap. */
const SEGMENT_SHARE = 0.25;

export interface SegmentSeriesOptions {
  origin: SegmentOrigin;
  recording: RecordingOptions;
  log: SensorLog;
  onSegment(segment: FinishedSegment): void;
}

/** The segments of one stream, one after the other. The next begins at once; the last is finished beside it. */
export class SegmentSeries {
  /** Of the connection whose messages come now, for the next segment's name. */
  attempt = 0;
  readonly #options: SegmentSeriesOptions;
  readonly #rotateBytes: number;
  readonly #keepBytes: number;
  #current: Segment | undefined;
  /** Finishing, and the deletion of the oldest. */
  #aside: Promise<void> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #unsynced = 0;
  #wroteAtMs = performance.now();
  #sinceDeletion = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #sinceLook = 0;
  #room: DiskRoom = { freeBytes: 0, reserveBytes: 0 };

  constructor(options: SegmentSeriesOptions, keepBytes: number) {
    this.#options = options;
    this.#keepBytes = keepBytes;
    this.#rotateBytes = Math.min(options.recording.rotateBytes, keepBytes * SEGMENT_SHARE);
  }

  /** @throws {Error} of the file system */
  static async open(options: SegmentSeriesOptions): Promise<SegmentSeries> {
    const { recording, origin } = options;
    const keepBytes = recording.keepBytes ?? (await usualKeepBytes(recording.folder, origin));
    const series = new SegmentSeries(options, keepBytes);
    series.#deleteOldest();
    return series;
  }

  /** The segment that is being written. */
  get file(): string | undefined {
    return this.#current?.path;
  }

  /**
   * Hands the entries to the operating system.
   *
   * @throws {Error} of the file system, `ENOSPC` also when no more than the reserve is free; then nothing was written
   */
  async write(entries: readonly Entry[]): Promise<void> {
    await this.#requireRoom();
    this.retireWhenDue();
    this.#current ??= await this.#openNext();
    const before = this.#current.bytes;
    try {
      await this.#current.write(entries);
    } catch (error) {
      if (this.#current.isBroken || !isDiskFull(error)) await this.#abandon();
      throw error;
    }
    this.#count(this.#current.bytes - before);
  }

  /** Finishes the segment whose time or size is over; not while a write is under way. */
  retireWhenDue(): void {
    const { rotateEveryMs } = this.#options.recording;
    const current = this.#current;
    if (!current) return;
    const isOld = performance.now() - current.openedAtMs >= rotateEveryMs;
    if (isOld || current.bytes >= this.#rotateBytes || current.isFull) this.#retire();
  }

  /** Brings what was written to the disk, beside whatever is being written. */
  keepSafe(): void {
    const current = this.#current;
    if (!current || this.#syncing) return;
    const isIdle = performance.now() - this.#wroteAtMs > TOUCH_EVERY_MS;
    if (this.#unsynced === 0 && !isIdle) return;
    this.#unsynced = 0;
    if (isIdle) this.#wroteAtMs = performance.now();
    this.#syncing = (isIdle ? current.touch() : current.sync())
      .catch((error: unknown) => this.#tellUnsafe(current, error))
      .finally(() => (this.#syncing = undefined));
  }

  /** Whether it is worth trying again after a full disk. */
  async hasRoomAgain(): Promise<boolean> {
    await this.#look();
    return hasRoomAgain(this.#room);
  }

  /** Finishes what is open; what cannot be finished stays as of a writer that died. */
  async finish(): Promise<void> {
    this.#retire();
    await this.#syncing;
    await this.#aside;
  }

  async #openNext(): Promise<Segment> {
    const { origin, recording } = this.#options;
    await mkdir(recording.folder, { recursive: true });
    return Segment.open(recording.folder, origin, this.attempt);
  }

  #retire(): void {
    const segment = this.#current;
    this.#current = undefined;
    if (!segment) return;
    this.#aside = this.#aside.then(() => this.#finishSegment(segment));
    this.#deleteOldest();
  }

  async #finishSegment(segment: Segment): Promise<void> {
    try {
      const finished = await segment.finish();
      this.#options.log.info('segment finished', { ...finished });
      this.#options.onSegment(finished);
    } catch (error) {
      this.#tellLeft(segment, error);
    }
  }

  async #abandon(): Promise<void> {
    const segment = this.#current!;
    this.#current = undefined;
    await segment.abandon().catch(() => undefined);
    this.#tellLeft(segment, undefined);
  }

  #tellLeft(segment: Segment, error: unknown): void {
    const { message } = (error ?? {}) as Partial<Error>;
    this.#options.log.warn('segment left unfinished: it is made whole at the next start', {
      file: segment.path,
      ...(message && { error: message }),
    });
  }

  #tellUnsafe(segment: Segment, error: unknown): void {
    if (segment !== this.#current) return;
    const { message } = error as Error;
    this.#options.log.warn('recording not brought to the disk', {
      file: segment.path,
      error: message,
    });
  }

  #count(bytes: number): void {
    this.#wroteAtMs = performance.now();
    this.#unsynced += bytes;
    this.#sinceLook += bytes;
    this.#sinceDeletion += bytes;
    if (this.#sinceDeletion > Math.min(CAP_BYTES, this.#keepBytes * CAP_SHARE))
      this.#deleteOldest();
  }

  #deleteOldest(): void {
    this.#sinceDeletion = 0;
    this.#aside = this.#aside.then(() => this.#deleteOldSegments());
  }

  async #deleteOldSegments(): Promise<void> {
    const { recording, origin, log } = this.#options;
    try {
      for (const deleted of await deleteOldSegments(recording.folder, origin, this.#keepBytes))
        log.info('old segment deleted', { ...deleted, keepBytes: this.#keepBytes });
    } catch (error) {
      log.warn('old segments not deleted', { error: (error as Error).message });
    }
  }

  async #requireRoom(): Promise<void> {
    const isLongAgo = performance.now() - this.#lookedAtMs > LOOK_AT_DISK_EVERY_MS;
    const mayBeFull = this.#room.freeBytes - this.#sinceLook < this.#room.reserveBytes;
    if (isLongAgo || mayBeFull) await this.#look();
    if (isNearlyFull(this.#room)) throw diskFull(this.#options.recording.folder, this.#room);
  }

  async #look(): Promise<void> {
    this.#room = await readDiskRoom(this.#options.recording.folder);
    this.#lookedAtMs = performance.now();
    this.#sinceLook = 0;
  }
}

async function usualKeepBytes(folder: string, origin: SegmentOrigin): Promise<number> {
  const { freeBytes, reserveBytes } = await readDiskRoom(folder);
  return defaultKeepBytes({
    freeBytes: freeBytes + (await heldBytes(folder, origin)),
    reserveBytes,
  });
}

/** Room may come again, and the file is as good as it was. */
export const isDiskFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT', 'recording-disk-full'].includes(String((error as { code?: unknown }).code));

function diskFull(folder: string, { freeBytes, reserveBytes }: DiskRoom): FairleadError {
  return new FairleadError(
    'recording-disk-full',
    `${folder}: ${formatBytes(freeBytes)} are free on its disk, and ${formatBytes(reserveBytes)} of it are left for everything else`,
    { hint: 'make room on the disk; recording goes on by itself' },
  );
}
