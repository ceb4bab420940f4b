import { setImmediate } from 'node:timers';
import type { EndedConnection, Gap, SensorStream } from '../../../domain/sensor.ts';
import type { SensorLog } from '../sensor-log.ts';
import { decodeMessage, type DecodedMessage } from '../protocol/decode-message.ts';
import type { StreamFrame } from '../stream-frame.ts';
import type { FrameEntry } from './entry.ts';
import { Fifo } from './fifo.ts';
import { notes } from './notes.ts';
import { openRecorder } from './open-recorder.ts';
import { costOf, type Recorder } from './recorder.ts';
import type { RecordingOptions } from './recording-options.ts';

export type { DecodedMessage } from '../protocol/decode-message.ts';

export interface StreamConsumerOptions {
  sensor: string;
  stream: SensorStream;
  /** Without it messages are decoded, and nothing is kept. */
  recording?: RecordingOptions;
  /** What may wait for a slow disk or processor; default 64 MiB. Beyond it the oldest are dropped. */
  maxQueuedBytes?: number;
  log: SensorLog;
  onDecoded(message: DecodedMessage, frame: StreamFrame): void;
  onUndecodable(frame: StreamFrame, error: Error): void;
  /** Since the call before; at most once a second. */
  onDropped(dropped: DroppedMessages): void;
  /** A segment was finished. */
  onSegment(segment: FinishedSegment): void;
  /** Nothing is recorded any more, such as on a full disk; once until it is resumed. */
  onRecordingStopped(reason: string): void;
  onRecordingResumed(): void;
}

export interface DroppedMessages {
  messages: number;
  bytes: number;
}

export interface FinishedSegment {
  file: string;
  messages: number;
}

/** Decodes and records the messages of one stream, over all its connections. */
export interface StreamConsumer {
  /** Never blocks and never throws. */
  offer(frame: StreamFrame): void;
  connectionOpened(connection: { attempt: number; localPort: number; at: string }): void;
  connectionEnded(connection: EndedConnection): void;
  gap(gap: Gap): void;
  readonly status: {
    queuedBytes: number;
    /** In all. */
    dropped: DroppedMessages;
    /** The segment that is being written. */
    file?: string;
    recordingStopped?: string;
  };
  /** Decodes and writes what is queued, and finishes the segment; what a full disk does not take is given up. */
  finish(): Promise<void>;
}

const DEFAULT_QUEUED_BYTES = 64 * 2 ** 20;
/** Decoding lets pings and pongs through after so long. */
const DECODE_AT_ONCE_MS = 5;
const TICK_MS = 1_000;

type Waiting = Omit<FrameEntry, 'kind'>;

/**
 * Opens the folder of the recording; a segment is opened by the first message.
 *
 * @throws {FairleadError} `recording-refused` when the folder cannot be made or written to
 */
export async function openStreamConsumer(options: StreamConsumerOptions): Promise<StreamConsumer> {
  const { recording } = options;
  return new Consumer(options, recording && (await openRecorder({ ...options, recording })));
}

class Consumer implements StreamConsumer {
  readonly #options: StreamConsumerOptions;
  readonly #maxQueuedBytes: number;
  readonly #recorder: Recorder | undefined;
  readonly #waiting = new Fifo<Waiting>();
  #waitingBytes = 0;
  #sequence = 0;
  readonly #dropped = { messages: 0, bytes: 0 };
  #droppedLately = { messages: 0, bytes: 0 };
  #decoding: Promise<void> | undefined;
  readonly #ticker: NodeJS.Timeout;

  constructor(options: StreamConsumerOptions, recorder: Recorder | undefined) {
    this.#options = options;
    this.#maxQueuedBytes = options.maxQueuedBytes ?? DEFAULT_QUEUED_BYTES;
    this.#recorder = recorder;
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  get status(): StreamConsumer['status'] {
    const { file, stopped: recordingStopped } = this.#recorder ?? {};
    return {
      queuedBytes: this.#queuedBytes,
      dropped: { ...this.#dropped },
      ...(file && { file }),
      ...(recordingStopped && { recordingStopped }),
    };
  }

  offer(frame: StreamFrame): void {
    this.#waiting.push({ frame, sequence: this.#sequence });
    this.#waitingBytes += costOf(frame);
    this.#sequence = (this.#sequence + 1) >>> 0;
    while (this.#queuedBytes > this.#maxQueuedBytes && this.#dropOldest());
    this.#decoding ??= this.#decodeAll().finally(() => (this.#decoding = undefined));
  }

  connectionOpened(connection: { attempt: number; localPort: number; at: string }): void {
    this.#recorder?.beginConnection(connection.attempt);
    this.#recorder?.note(notes.opened(connection));
  }

  connectionEnded(connection: EndedConnection): void {
    this.#recorder?.note(notes.ended(connection));
  }

  gap(gap: Gap): void {
    this.#recorder?.note(notes.gap(gap));
  }

  async finish(): Promise<void> {
    while (this.#decoding) await this.#decoding;
    clearInterval(this.#ticker);
    this.#tellDropped();
    await this.#recorder?.finish();
  }

  get #queuedBytes(): number {
    return this.#waitingBytes + (this.#recorder?.queuedBytes ?? 0);
  }

  /** @returns false when nothing is left to drop: what is being written stays */
  #dropOldest(): boolean {
    const dropped = this.#recorder?.dropOldest() ?? this.#dropWaiting();
    if (!dropped) return false;
    for (const count of [this.#dropped, this.#droppedLately]) {
      count.messages++;
      count.bytes += dropped.frame.bytes.byteLength;
    }
    return true;
  }

  #dropWaiting(): Waiting | undefined {
    const dropped = this.#takeWaiting();
    if (dropped) this.#recorder?.tellDropped(dropped.frame);
    return dropped;
  }

  #takeWaiting(): Waiting | undefined {
    const waiting = this.#waiting.shift();
    if (waiting) this.#waitingBytes -= costOf(waiting.frame);
    return waiting;
  }

  async #decodeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      await new Promise((resolve) => void setImmediate(resolve));
      const startedAtMs = performance.now();
      while (performance.now() - startedAtMs < DECODE_AT_ONCE_MS) {
        const waiting = this.#takeWaiting();
        if (!waiting) break;
        this.#consume(waiting);
      }
    }
  }

  #consume(waiting: Waiting): void {
    const { frame } = waiting;
    const decoded = this.#decode(frame);
    if (decoded instanceof Error) {
      this.#recorder?.record({ ...waiting, kind: frame.isBinary ? 'undecodable' : 'text' });
      this.#options.onUndecodable(frame, decoded);
    } else {
      this.#recorder?.record({ ...waiting, kind: 'message', sentAtNs: decoded.sentAtNs });
      this.#options.onDecoded(decoded, frame);
    }
  }

  #decode({ isBinary, bytes }: StreamFrame): DecodedMessage | Error {
    if (!isBinary) return new Error('a text frame, which the protocol does not have');
    try {
      return decodeMessage(this.#options.stream, bytes);
    } catch (error) {
      return error as Error;
    }
  }

  #tick(): void {
    this.#tellDropped();
    this.#recorder?.tick();
  }

  #tellDropped(): void {
    if (this.#droppedLately.messages === 0) return;
    const dropped = this.#droppedLately;
    this.#droppedLately = { messages: 0, bytes: 0 };
    this.#options.log.warn('messages dropped: the queue was full', { ...dropped });
    this.#options.onDropped(dropped);
  }
}
