import type { EndedConnection, Gap, SensorStream } from '../../../domain/sensor.ts';
import type { SensorLog } from '../sensor-log.ts';
import type { StreamFrame } from '../stream-frame.ts';
import type { RecordingOptions } from './recording-options.ts';

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

export interface DecodedMessage {
  /** Of an output stream: SystemHealth's `master`, which is a number that may be unknown to us. */
  health?: { master: number };
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
