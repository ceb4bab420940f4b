import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageTypes } from '../../../../activities/sensor/protocol/sensr-messages.ts';
import {
  readRecording,
  type RecordedMessage,
} from '../../../../activities/sensor/recording/read-recording.ts';
import type { RecordingOptions } from '../../../../activities/sensor/recording/recording-options.ts';
import {
  openStreamConsumer,
  type StreamConsumer,
  type StreamConsumerOptions,
} from '../../../../activities/sensor/recording/stream-consumer.ts';
import type { StreamFrame } from '../../../../activities/sensor/stream-frame.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';

const HOUR_MS = 3_600_000;
const GB = 1_000_000_000;

export type LabOptions = Partial<Omit<StreamConsumerOptions, 'recording'>> & {
  recording?: Partial<RecordingOptions>;
};

/** A consumer that records, and what it told. */
export interface Lab extends AsyncDisposable {
  folder: string;
  consumer: StreamConsumer;
  /** What was logged, each as `level: message`. */
  log: string[];
  told: string[];
  dropped: { messages: number; bytes: number };
  files: () => Promise<string[]>;
}

export async function openLab({ recording, ...options }: LabOptions = {}): Promise<Lab> {
  const temporary = await temporaryFolder();
  const folder = recording?.folder ?? temporary.path;
  const [log, told] = [[] as string[], [] as string[]];
  const dropped = { messages: 0, bytes: 0 };
  const logAt = (level: string) => (message: string) => void log.push(`${level}: ${message}`);
  const consumer = await openStreamConsumer({
    sensor: 'pier-3',
    stream: 'output',
    recording: { folder, rotateEveryMs: HOUR_MS, rotateBytes: GB, keepBytes: GB, ...recording },
    log: { info: logAt('info'), warn: logAt('warn'), error: logAt('error') },
    onDecoded: ({ health }) => void told.push(health ? `health ${health.master}` : 'decoded'),
    onUndecodable: (_, { message }) => void told.push(`undecodable: ${message}`),
    onDropped: ({ messages, bytes }) => {
      dropped.messages += messages;
      dropped.bytes += bytes;
    },
    onSegment: ({ messages }) => void told.push(`segment of ${messages}`),
    onRecordingStopped: (reason) => void told.push(`stopped: ${reason}`),
    onRecordingResumed: () => void told.push('resumed'),
    ...options,
  });
  return {
    folder,
    consumer,
    log,
    told,
    dropped,
    files: () => filesIn(folder),
    [Symbol.asyncDispose]: async () => {
      await consumer.finish();
      await temporary[Symbol.asyncDispose]();
    },
  };
}

export async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).toSorted().map((name) => join(folder, name));
}

/** An output message that can be told from every other by its number. */
export const numbered = (id: number, padding = 0): StreamFrame =>
  frameOf(encodeOutput({ stream: { objects: [{ id, points: Buffer.alloc(padding, id) }] } }));

export const encodeOutput = (message: object): Uint8Array =>
  messageTypes.output.encode(messageTypes.output.fromObject(message)).finish();

export const frameOf = (bytes: Uint8Array | string, isBinary = true): StreamFrame => ({
  bytes: Buffer.from(bytes as Uint8Array),
  isBinary,
  receivedAtNs: BigInt(Date.now()) * 1_000_000n,
});

/** @returns the numbers of the messages of all files, in their order */
export async function numbersIn(files: readonly string[]): Promise<number[]> {
  const numbers: number[] = [];
  for (const file of files)
    for await (const record of readRecording(file)) {
      if (record.type !== 'message') continue;
      const message = messageTypes.output.decode(record.bytes) as unknown as {
        stream: { objects: { id: number }[] };
      };
      numbers.push(message.stream.objects[0]!.id);
    }
  return numbers;
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, id) => id);

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

export async function messagesIn(file: string): Promise<RecordedMessage[]> {
  const records = await collect(readRecording(file));
  return records.filter((record) => record.type === 'message');
}
