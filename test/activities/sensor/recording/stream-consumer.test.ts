import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { McapIndexedReader } from '@mcap/core';
import protobuf from 'protobufjs';
import { describe, expect, it, vi } from 'vitest';
import { readRecording } from '../../../../activities/sensor/recording/read-recording.ts';
import { openStreamConsumer } from '../../../../activities/sensor/recording/stream-consumer.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import {
  collect,
  messagesIn,
  encodeOutput,
  frameOf,
  numbered,
  numbersIn,
  openLab,
  upTo,
} from './recording-lab.ts';

const ended = {
  reason: 'lost',
  detail: 'it ended without a close frame',
  healthy: true,
  endedAt: '2025-06-15T02:00:09.000Z',
  messages: 2,
  bytes: 20,
} as const;

describe('openStreamConsumer', () => {
  it('writes what any MCAP reader finds by its index, with the bytes as they came', async () => {
    await using lab = await openLab();
    const frames = upTo(20).map((id) => numbered(id, 100));
    for (const frame of frames) lab.consumer.offer(frame);
    await lab.consumer.finish();
    const [file = ''] = await lab.files();
    const reader = await openIndexed(file);
    const messages = await collect(reader.readMessages());
    expect(messages.map(({ data }) => Buffer.from(data))).toEqual(frames.map(({ bytes }) => bytes));
    expect(messages.map(({ sequence }) => sequence)).toEqual(upTo(20));
    expect(reader.statistics?.messageCount).toBe(20n);
    expect([...reader.channelsById.values()].map(({ topic }) => topic)).toEqual(['/pier-3/output']);
  });

  it('carries the schema from which any protobuf library decodes it', async () => {
    await using lab = await openLab();
    lab.consumer.offer(frameOf(encodeOutput({ stream: { zones: [{ id: 7, name: 'gate' }] } })));
    await lab.consumer.finish();
    const reader = await openIndexed((await lab.files())[0]!);
    const [schema] = [...reader.schemasById.values()];
    const root = protobuf.Root.fromDescriptor(schema!.data).resolveAll();
    const [message] = await collect(reader.readMessages());
    const decoded = root.lookupType(schema!.name).decode(message!.data).toJSON();
    expect(decoded).toMatchObject({ stream: { zones: [{ id: 7, name: 'gate' }] } });
  });

  it('records what is no message as it came, on channels of its own, and says so', async () => {
    await using lab = await openLab();
    lab.consumer.offer(numbered(0));
    lab.consumer.offer(frameOf(Buffer.alloc(30, 255)));
    lab.consumer.offer(frameOf('hello', false));
    lab.consumer.offer(numbered(1));
    await lab.consumer.finish();
    const records = await collect(readRecording((await lab.files())[0]!));
    const messages = records.filter((record) => record.type === 'message');
    expect(messages.map(({ topic, sequence }) => [sequence, topic])).toEqual([
      [0, '/pier-3/output'],
      [1, '/pier-3/output/undecodable'],
      [2, '/pier-3/output/text'],
      [3, '/pier-3/output'],
    ]);
    expect(Buffer.from(messages[1]!.bytes)).toEqual(Buffer.alloc(30, 255));
    expect(Buffer.from(messages[2]!.bytes).toString()).toBe('hello');
    expect(lab.told.filter((line) => line.startsWith('undecodable'))).toHaveLength(2);
  });

  it('takes unknown fields and enum numbers for what they are', async () => {
    await using lab = await openLab();
    const unknownField = Buffer.from([0xfa, 0x7f, 3, 1, 2, 3]); // field 2047, three bytes
    const bytes = Buffer.concat([
      encodeOutput({ stream: { health: { master: 99 } } }),
      unknownField,
    ]);
    lab.consumer.offer(frameOf(bytes));
    await lab.consumer.finish();
    const [message] = await messagesIn((await lab.files())[0]!);
    expect(Buffer.from(message!.bytes)).toEqual(bytes);
    expect(lab.told[0]).toBe('health 99');
  });

  it("logs a message at the time of its arrival, published at the server's own", async () => {
    await using lab = await openLab();
    const frame = frameOf(encodeOutput({ timestamp: { seconds: 1_750_000_000, nanos: 123 } }));
    lab.consumer.offer(frame);
    lab.consumer.offer(frameOf(encodeOutput({ timestamp: { seconds: -5 } })));
    await lab.consumer.finish();
    const [message, strange] = await messagesIn((await lab.files())[0]!);
    expect(message).toMatchObject({
      logTimeNs: frame.receivedAtNs,
      publishTimeNs: 1_750_000_000_000_000_123n,
    });
    expect(strange!.publishTimeNs).toBe(strange!.logTimeNs);
  });

  it('notes connections and gaps between the messages that they lie between', async () => {
    await using lab = await openLab();
    lab.consumer.connectionEnded({ ...ended, reason: 'not-opened', healthy: false, messages: 0 });
    lab.consumer.connectionOpened({
      attempt: 1,
      localPort: 40_000,
      at: '2025-06-15T02:00:00.000Z',
    });
    lab.consumer.offer(numbered(0));
    await vi.waitFor(() => expect(lab.told).toEqual(['decoded']));
    lab.consumer.connectionEnded(ended);
    lab.consumer.gap({ from: '2025-06-15T02:00:09.000Z', to: '2025-06-15T02:00:11.500Z' });
    lab.consumer.offer(numbered(1));
    await lab.consumer.finish();
    const [file = ''] = await lab.files();
    const records = await collect(readRecording(file));
    const story = records.map((record) => (record.type === 'metadata' ? record.name : record.type));
    expect(story).toEqual([
      'segment',
      'connection',
      'connection',
      'message',
      'connection',
      'gap',
      'message',
      'end',
    ]);
    expect(records[5]).toMatchObject({ metadata: { seconds: '2.5' } });
    expect(file).toMatch(/pier-3_output_\d{4}-\d\d-\d\dT[\d.-]+Z_.+_1\.mcap$/);
  });

  it('begins a new segment when one is large enough, and loses nothing in between', async () => {
    await using lab = await openLab({ recording: { rotateBytes: 50_000 } });
    for (const id of upTo(50)) {
      lab.consumer.offer(numbered(id, 10_000));
      await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    }
    await lab.consumer.finish();
    const files = await lab.files();
    expect(files.length).toBeGreaterThan(8);
    expect(await numbersIn(files)).toEqual(upTo(50));
    expect(lab.told.filter((line) => line.startsWith('segment of'))).toHaveLength(files.length);
  });

  it('begins a new segment when one is old enough, and none while nothing comes', async () => {
    await using lab = await openLab({ recording: { rotateEveryMs: 500 } });
    lab.consumer.offer(numbered(0));
    await vi.waitFor(() => expect(lab.told).toContain('segment of 1'), { timeout: 10_000 });
    expect(lab.consumer.status.file).toBeUndefined();
    lab.consumer.offer(numbered(1));
    await lab.consumer.finish();
    expect(await numbersIn(await lab.files())).toEqual([0, 1]);
  });

  it('drops the oldest when more comes than may wait, counts them, and notes it', async () => {
    await using lab = await openLab({ maxQueuedBytes: 1_000_000 });
    for (const id of upTo(30)) lab.consumer.offer(numbered(id, 100_000));
    expect(lab.consumer.status.queuedBytes).toBeLessThanOrEqual(1_000_000);
    const { messages } = lab.consumer.status.dropped;
    await lab.consumer.finish();
    const files = await lab.files();
    expect(await numbersIn(files)).toEqual(upTo(30).slice(messages));
    expect(messages).toBe(21);
    expect(lab.dropped).toEqual(lab.consumer.status.dropped);
    const records = await collect(readRecording(files[0]!));
    const note = records.find((record) => record.type === 'metadata' && record.name === 'dropped');
    expect(note).toMatchObject({ metadata: { messages: '21' } });
  });

  it('bounds what a flood of tiny messages takes', async () => {
    await using lab = await openLab({ maxQueuedBytes: 1_000_000 });
    for (let count = 0; count < 100_000; count++) lab.consumer.offer(frameOf(''));
    expect(lab.consumer.status.dropped.messages).toBeGreaterThan(95_000);
  });

  it('decodes without a recording as well', async () => {
    const told: number[] = [];
    const consumer = await openStreamConsumer({
      sensor: 'pier-3',
      stream: 'points',
      log: { info: () => {}, warn: () => {}, error: () => {} },
      onDecoded: (_, { bytes }) => void told.push(bytes.byteLength),
      onUndecodable: () => {},
      onDropped: () => {},
      onSegment: () => {},
      onRecordingStopped: () => {},
      onRecordingResumed: () => {},
    });
    consumer.offer(frameOf(''));
    await consumer.finish();
    expect(told).toEqual([0]);
    expect(consumer.status.file).toBeUndefined();
  });

  it('refuses a folder that cannot be', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await chmod(file, 0o400);
    const opened = openLab({ recording: { folder: join(file, 'recordings') } });
    await expect(opened).rejects.toMatchObject({ code: 'recording-refused' });
  });

  it.runIf(process.platform === 'linux')('refuses a folder that no one can make', async () => {
    const opened = openLab({ recording: { folder: '/proc/recordings/of/pier-3' } });
    await expect(opened).rejects.toMatchObject({ code: 'recording-refused' });
  });
});

async function openIndexed(file: string): Promise<McapIndexedReader> {
  const bytes = await readFile(file);
  return McapIndexedReader.Initialize({
    readable: {
      size: async () => BigInt(bytes.byteLength),
      read: async (offset, length) => bytes.subarray(Number(offset), Number(offset + length)),
    },
  });
}
