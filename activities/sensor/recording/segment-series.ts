import { mkdir } from 'node:fs/promises';
import type { SensorLog } from '../sensor-log.ts';
import { atDisk } from './disk-slots.ts';
import { defaultKeepBytes, isDiskFull, readDiskRoom, RoomWatch } from './disk-room.ts';
import type { Entry } from './entry.ts';
import type { RecordingOptions } from './recording-options.ts';
import { deleteOldSegments, heldBytes } from './retention.ts';
import { LeftBehindRepairer } from './repair-left-behind.ts';
import { Segment } from './segment.ts';
import type { SegmentOrigin } from './segment-name.ts';
import type { FinishedSegment } from './stream-consumer.ts';

const TOUCH_EVERY_MS = 10_000;
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
  readonly #room: RoomWatch;
  readonly #repairer: LeftBehindRepairer;

  constructor(options: SegmentSeriesOptions, keepBytes: number) {
    this.#options = options;
    this.#keepBytes = keepBytes;
    this.#rotateBytes = Math.min(options.recording.rotateBytes, keepBytes * SEGMENT_SHARE);
    const { recording, origin, log } = options;
    this.#room = new RoomWatch(recording.folder);
    this.#repairer = new LeftBehindRepairer(recording.folder, origin, log);
  }

  /** @throws {Error} of the file system */
  static async open(options: SegmentSeriesOptions): Promise<SegmentSeries> {
    const { recording, origin } = options;
    const keepBytes = recording.keepBytes ?? (await usualKeepBytes(recording.folder, origin));
    const series = new SegmentSeries(options, keepBytes);
    series.#deleteOldest();
    series.#repairer.look();
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
  write(entries: readonly Entry[]): Promise<void> {
    return atDisk(() => this.#write(entries));
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    await this.#room.requireRoom();
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
    this.#syncing = atDisk(() => (isIdle ? current.touch() : current.sync()))
      .catch((error: unknown) => this.#tellUnsafe(current, error))
      .finally(() => (this.#syncing = undefined));
  }

  /** Whether it is worth trying again after a full disk. */
  hasRoomAgain = (): Promise<boolean> => this.#room.hasRoomAgain();

  /** Finishes what is open; what cannot be finished stays as of a writer that died. */
  async finish(): Promise<void> {
    this.#retire();
    await this.#syncing;
    await this.#aside;
    await this.#repairer.end();
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
    this.#aside = this.#aside.then(() => atDisk(() => this.#finishSegment(segment)));
    this.#deleteOldest();
    this.#repairer.look();
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
    this.#options.log.warn('segment left unfinished: it is made whole later', {
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
    this.#room.countWritten(bytes);
    this.#sinceDeletion += bytes;
    if (this.#sinceDeletion > Math.min(CAP_BYTES, this.#keepBytes * CAP_SHARE))
      this.#deleteOldest();
  }

  #deleteOldest(): void {
    this.#sinceDeletion = 0;
    this.#aside = this.#aside.then(() => atDisk(() => this.#deleteOldSegments()));
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
}

async function usualKeepBytes(folder: string, origin: SegmentOrigin): Promise<number> {
  const { freeBytes, reserveBytes } = await readDiskRoom(folder);
  return defaultKeepBytes({
    freeBytes: freeBytes + (await heldBytes(folder, origin)),
    reserveBytes,
  });
}
