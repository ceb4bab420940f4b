import { crc32 } from 'node:zlib';
import { Opcode } from '@mcap/core';
import type { McapBlock } from './mcap-block.ts';

export interface LoggedMessage {
  channelId: number;
  sequence: number;
  logTimeNs: bigint;
  publishTimeNs: bigint;
  bytes: Uint8Array;
}

/** Opcode and length of a record. */
export const RECORD_HEADER_BYTES = 9;
/** What stands before the records of an uncompressed chunk. */
export const CHUNK_HEADER_BYTES = RECORD_HEADER_BYTES + 40;
/** What stands before the bytes of a message. */
export const MESSAGE_HEADER_BYTES = RECORD_HEADER_BYTES + 22;
const INDEX_HEADER_BYTES = RECORD_HEADER_BYTES + 6;
const INDEX_ENTRY_BYTES = 16;

/** A chunk with the indexes of its messages; the messages are not copied. */
export function chunkBlock(messages: readonly LoggedMessage[]): McapBlock {
  const records = messages.flatMap((message) => [encodeHeader(message), message.bytes]);
  return chunkBlockOf(messages, records);
}

/**
 * @param records the same messages as they stand in the chunk, each behind its header; cut as you like
 */
export function chunkBlockOf(
  messages: readonly LoggedMessage[],
  records: readonly Uint8Array[],
): McapBlock {
  const recordBytes = lengthOf(records);
  const [startNs, endNs] = timesOf(messages);
  const chunkBytes = CHUNK_HEADER_BYTES + recordBytes;
  const indexes = encodeIndexes(messages);
  const indexBytes = lengthOf([...indexes.values()]);
  return {
    parts: [
      encodeChunkHeader(records, recordBytes, startNs, endNs),
      ...records,
      ...indexes.values(),
    ],
    byteLength: chunkBytes + indexBytes,
    enterInto: (summary, offset) => {
      for (const { channelId } of messages) summary.countMessage(channelId);
      summary.addChunk({
        messageStartTime: startNs,
        messageEndTime: endNs,
        chunkStartOffset: BigInt(offset),
        chunkLength: BigInt(chunkBytes),
        messageIndexOffsets: offsetsOf(indexes, offset + chunkBytes),
        messageIndexLength: BigInt(indexBytes),
        compression: '',
        compressedSize: BigInt(recordBytes),
        uncompressedSize: BigInt(recordBytes),
      });
    },
  };
}

const lengthOf = (parts: readonly Uint8Array[]): number =>
  parts.reduce((sum, { byteLength }) => sum + byteLength, 0);

function timesOf(messages: readonly LoggedMessage[]): [bigint, bigint] {
  let [startNs, endNs] = [messages[0]?.logTimeNs ?? 0n, messages[0]?.logTimeNs ?? 0n];
  for (const { logTimeNs } of messages) {
    if (logTimeNs < startNs) startNs = logTimeNs;
    if (logTimeNs > endNs) endNs = logTimeNs;
  }
  return [startNs, endNs];
}

function encodeHeader(message: LoggedMessage): Buffer {
  const header = Buffer.allocUnsafe(MESSAGE_HEADER_BYTES);
  const contentBytes = MESSAGE_HEADER_BYTES - RECORD_HEADER_BYTES + message.bytes.byteLength;
  header.writeUInt8(Opcode.MESSAGE, 0);
  header.writeBigUInt64LE(BigInt(contentBytes), 1);
  header.writeUInt16LE(message.channelId, 9);
  header.writeUInt32LE(message.sequence, 11);
  header.writeBigUInt64LE(message.logTimeNs, 15);
  header.writeBigUInt64LE(message.publishTimeNs, 23);
  return header;
}

function encodeChunkHeader(
  records: readonly Uint8Array[],
  recordBytes: number,
  startNs: bigint,
  endNs: bigint,
): Buffer {
  const header = Buffer.allocUnsafe(CHUNK_HEADER_BYTES);
  header.writeUInt8(Opcode.CHUNK, 0);
  header.writeBigUInt64LE(BigInt(CHUNK_HEADER_BYTES - RECORD_HEADER_BYTES + recordBytes), 1);
  header.writeBigUInt64LE(startNs, 9);
  header.writeBigUInt64LE(endNs, 17);
  header.writeBigUInt64LE(BigInt(recordBytes), 25);
  header.writeUInt32LE(checksumOf(records), 33);
  header.writeUInt32LE(0, 37); // the name of its compression: none
  header.writeBigUInt64LE(BigInt(recordBytes), 41);
  return header;
}

export const checksumOf = (parts: readonly Uint8Array[], before = 0): number =>
  parts.reduce((sum, part) => crc32(part, sum), before);

/** One MessageIndex record per channel: log times, and offsets into the chunk's records. */
function encodeIndexes(messages: readonly LoggedMessage[]): Map<number, Buffer> {
  const entries = new Map<number, [bigint, number][]>();
  let offset = 0;
  for (const { channelId, logTimeNs, bytes } of messages) {
    const ofChannel = entries.get(channelId) ?? [];
    entries.set(channelId, ofChannel);
    ofChannel.push([logTimeNs, offset]);
    offset += MESSAGE_HEADER_BYTES + bytes.byteLength;
  }
  return new Map([...entries].map(([id, ofChannel]) => [id, encodeIndex(id, ofChannel)]));
}

function encodeIndex(channelId: number, entries: readonly [bigint, number][]): Buffer {
  const entryBytes = entries.length * INDEX_ENTRY_BYTES;
  const record = Buffer.allocUnsafe(INDEX_HEADER_BYTES + entryBytes);
  record.writeUInt8(Opcode.MESSAGE_INDEX, 0);
  record.writeBigUInt64LE(BigInt(record.byteLength - RECORD_HEADER_BYTES), 1);
  record.writeUInt16LE(channelId, 9);
  record.writeUInt32LE(entryBytes, 11);
  entries.forEach(([logTimeNs, offset], index) => {
    record.writeBigUInt64LE(logTimeNs, INDEX_HEADER_BYTES + index * INDEX_ENTRY_BYTES);
    record.writeBigUInt64LE(BigInt(offset), INDEX_HEADER_BYTES + index * INDEX_ENTRY_BYTES + 8);
  });
  return record;
}

function offsetsOf(indexes: ReadonlyMap<number, Buffer>, start: number): Map<number, bigint> {
  let offset = start;
  const offsets = new Map<number, bigint>();
  for (const [channelId, { byteLength }] of indexes) {
    offsets.set(channelId, BigInt(offset));
    offset += byteLength;
  }
  return offsets;
}
