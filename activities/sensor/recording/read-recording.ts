import { McapStreamReader, Opcode, type McapTypes } from '@mcap/core';
import { scanMcap, type Damage, type Found } from './mcap/scan-mcap.ts';

export interface RecordedMessage {
  type: 'message';
  topic: string;
  /** Counts the frames of the stream as they came, also those that were dropped. */
  sequence: number;
  logTimeNs: bigint;
  /** The server's own time where the message has one. */
  publishTimeNs: bigint;
  bytes: Uint8Array;
}

/** See `notes.ts`. */
export interface RecordedMetadata {
  type: 'metadata';
  name: string;
  metadata: Record<string, string>;
}

export type Recorded =
  | RecordedMessage
  | RecordedMetadata
  | { type: 'damage'; damage: Damage }
  | { type: 'unfinished'; bytes: number }
  | { type: 'end' };

/**
 * What a recording holds, in the order of the file; goes on behind damage, and reads also what a crash left.
 *
 * @throws {FairleadError} `recording-unreadable`
 */
export async function* readRecording(file: string): AsyncGenerator<Recorded, void> {
  const topics = new Map<number, string>();
  for await (const found of scanMcap(file)) {
    if (found.type === 'messages') {
      for (const { channelId, ...message } of found.messages)
        yield {
          type: 'message',
          topic: topics.get(channelId) ?? `channel ${channelId}`,
          ...message,
        };
    } else if (found.type === 'record') {
      const record = parseRecord(found);
      if (record?.type === 'Channel') topics.set(record.id, record.topic);
      if (record?.type === 'Metadata') yield metadataOf(record);
    } else {
      yield found;
    }
  }
}

const PARSED = new Set([Opcode.SCHEMA, Opcode.CHANNEL, Opcode.METADATA]);

/** @returns undefined for what no reader of the data needs, or what cannot be read */
export function parseRecord({
  opcode,
  bytes,
}: Extract<Found, { type: 'record' }>): McapTypes.TypedMcapRecord | undefined {
  if (!PARSED.has(opcode)) return undefined;
  const reader = new McapStreamReader({ noMagicPrefix: true });
  reader.append(bytes);
  try {
    return reader.nextRecord();
  } catch {
    return undefined;
  }
}

const metadataOf = ({ name, metadata }: McapTypes.Metadata): RecordedMetadata => ({
  type: 'metadata',
  name,
  metadata: Object.fromEntries(metadata),
});
