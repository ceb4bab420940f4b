import { FairleadError } from '../../../domain/errors.ts';
import type { SensorLog } from '../sensor-log.ts';
import type { StreamFrame } from '../stream-frame.ts';
import { EntryQueue } from './entry-queue.ts';
import type { Entry, FrameEntry } from './entry.ts';
import type { Note } from './mcap/mcap-block.ts';
import { notes } from './notes.ts';
import { isDiskFull } from './disk-room.ts';
import type { SegmentSeries } from './segment-series.ts';
import type { DroppedMessages } from './stream-consumer.ts';

/** What one write takes at most, and so what a chunk holds, unless a single message is larger. */
const CHUNK_BYTES = 4 * 2 ** 20;
/** What a waiting frame costs beside its bytes, so that a flood of tiny ones is bounded as well. */
const FRAME_OVERHEAD_BYTES = 256;
const SLOW_WRITE_MS = 5_000;

export const costOf = (frame: { bytes: Uint8Array }): number =>
  frame.bytes.byteLength + FRAME_OVERHEAD_BYTES;

export interface RecorderOptions {
  series: SegmentSeries;
  log: SensorLog;
  onStopped(reason: string): void;
  onResumed(): void;
}

/**
 * Writes what comes, as soon as the write before has ended, and never waits for the disk otherwise. When the disk takes
 * no more it stops, says so once, and tries again at each `tick`.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #queue = new EntryQueue();
  #queuedBytes = 0;
  #dropped: (DroppedMessages & { fromNs: bigint; toNs: bigint }) | undefined;
  #stopped: { at: string; reason: string; error: unknown } | undefined;
  #writing: Promise<void> | undefined;
  #writingSinceMs = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Of frames that wait or are being written. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get stopped(): string | undefined {
    return this.#stopped?.reason;
  }

  /** The segment that is being written. */
  get file(): string | undefined {
    return this.#options.series.file;
  }

  /** The attempt whose messages come now: the next segment bears it in its name. */
  beginConnection(attempt: number): void {
    this.#options.series.attempt = attempt;
  }

  record(frame: FrameEntry): void {
    this.#queue.push(frame);
    this.#queuedBytes += costOf(frame.frame);
    this.#start();
  }

  note(note: Note): void {
    this.#queue.note(note);
    this.#start();
  }

  /** @returns undefined when nothing waits that could be dropped */
  dropOldest(): FrameEntry | undefined {
    const dropped = this.#queue.dropOldest();
    if (!dropped) return undefined;
    this.#queuedBytes -= costOf(dropped.frame);
    this.tellDropped(dropped.frame);
    return dropped;
  }

  /** For the recording; the note is written when something is written again. */
  tellDropped(frame: StreamFrame): void {
    const { messages = 0, bytes = 0, fromNs = frame.receivedAtNs } = this.#dropped ?? {};
    this.#dropped = {
      messages: messages + 1,
      bytes: bytes + frame.bytes.byteLength,
      fromNs,
      toNs: frame.receivedAtNs,
    };
  }

  /** To be called each second. */
  tick(): void {
    this.#options.series.keepSafe();
    if (this.#writing) return this.#tellSlowness();
    if (this.#stopped) {
      this.#run(() => this.#tryAgain());
    } else {
      this.#noteDropped();
      this.#options.series.retireWhenDue();
      this.#start();
    }
  }

  /** Writes what waits, and finishes the segment; tries a full disk once more. */
  async finish(): Promise<void> {
    await this.#untilWritten();
    if (this.#stopped) this.#run(() => this.#tryAgain());
    else this.#noteDropped();
    await this.#untilWritten();
    if (this.#hasWork()) this.#start();
    await this.#untilWritten();
    this.#tellLost();
    await this.#options.series.finish();
  }

  async #untilWritten(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #start(): void {
    if (!this.#stopped) this.#run(() => this.#writeAll());
  }

  #run(work: () => Promise<void>): void {
    if (this.#writing) return;
    this.#writingSinceMs = performance.now();
    this.#writing = work().finally(() => {
      this.#writing = undefined;
      if (this.#hasWork()) this.#start();
    });
  }

  async #writeAll(): Promise<void> {
    while (this.#hasWork() && !this.#stopped) {
      const entries = this.#queue.take(CHUNK_BYTES);
      try {
        await this.#write(entries);
      } catch (error) {
        this.#queue.unshift(entries);
        this.#stop(error);
      }
    }
  }

  /** Notes alone open no segment: they wait for the first message. */
  #hasWork(): boolean {
    const isOpen = this.#options.series.file !== undefined;
    return this.#queue.frames > 0 || (isOpen && !this.#queue.isEmpty);
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    this.#writingSinceMs = performance.now();
    await this.#options.series.write(entries);
    for (const entry of entries) if ('kind' in entry) this.#queuedBytes -= costOf(entry.frame);
  }

  #stop(error: unknown): void {
    const reason = reasonOf(error);
    this.#stopped = { at: new Date().toISOString(), reason, error };
    this.#options.log.error('recording stopped', { reason });
    this.#options.onStopped(reason);
  }

  async #tryAgain(): Promise<void> {
    const { at, reason, error } = this.#stopped!;
    if (isDiskFull(error) && !(await this.#hasRoomAgain())) return;
    const moments = [notes.stopped(at, reason), notes.resumed(new Date().toISOString())];
    const entries = this.#queue.frames > 0 ? this.#queue.take(CHUNK_BYTES) : [];
    try {
      if (entries.length > 0) await this.#write([...moments, ...entries]);
      else for (const moment of moments) this.#queue.note(moment);
    } catch {
      this.#queue.unshift(entries);
      return;
    }
    this.#resume();
    await this.#writeAll();
  }

  #hasRoomAgain = (): Promise<boolean> => this.#options.series.hasRoomAgain().catch(() => false);

  #resume(): void {
    this.#stopped = undefined;
    this.#noteDropped();
    this.#options.log.info('recording resumed');
    this.#options.onResumed();
  }

  #noteDropped(): void {
    if (!this.#dropped) return;
    const { fromNs, toNs, ...dropped } = this.#dropped;
    this.#dropped = undefined;
    this.#queue.note(notes.dropped({ ...dropped, from: isoOf(fromNs), to: isoOf(toNs) }));
  }

  #tellSlowness(): void {
    const ms = performance.now() - this.#writingSinceMs;
    if (ms < SLOW_WRITE_MS || ms % SLOW_WRITE_MS > 1_000) return;
    const fields = { seconds: Math.round(ms / 1_000), queuedBytes: this.#queuedBytes };
    this.#options.log.warn('disk slow: a write is still under way', fields);
  }

  #tellLost(): void {
    if (this.#queue.frames === 0) return;
    this.#options.log.error('messages not recorded', {
      messages: this.#queue.frames,
      reason: this.#stopped?.reason,
    });
  }
}

const isoOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();

function reasonOf(error: unknown): string {
  if (error instanceof FairleadError) return `${error.message}; ${error.hint}`;
  return isDiskFull(error)
    ? 'the disk is full; make room on it, and recording goes on by itself'
    : `${(error as Error).message}; recording is tried again each second`;
}
