import { Opcode } from '@mcap/core';
import {
  CHUNK_HEADER_BYTES,
  MESSAGE_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  type LoggedMessage,
} from './chunk-block.ts';

const COMPRESSIONS = ['lz4', 'zstd'];

/** What the beginning of a chunk says of it. */
export interface ChunkHeader {
  recordBytes: number;
  checksum: number;
}

/** @returns undefined when no uncompressed chunk begins here: what its header says must fit together */
export function parseChunkHeader(bytes: Buffer, at = 0): ChunkHeader | undefined {
  if (bytes.byteLength - at < CHUNK_HEADER_BYTES || bytes[at] !== Opcode.CHUNK) return undefined;
  const recordBytes = bytes.readBigUInt64LE(at + 41);
  const contentBytes = BigInt(CHUNK_HEADER_BYTES - RECORD_HEADER_BYTES) + recordBytes;
  const isConsistent =
    bytes.readBigUInt64LE(at + 1) === contentBytes &&
    bytes.readBigUInt64LE(at + 25) === recordBytes &&
    bytes.readUInt32LE(at + 37) === 0 &&
    recordBytes < 2n ** 32n;
  if (!isConsistent) return undefined;
  return { recordBytes: Number(recordBytes), checksum: bytes.readUInt32LE(at + 33) };
}

/** @returns the name of a compression that we cannot read */
export function compressionOf(bytes: Buffer): string | undefined {
  const length = bytes.byteLength >= 41 ? bytes.readUInt32LE(37) : 0;
  const name = bytes.toString('latin1', 41, 41 + Math.min(length, 4));
  return COMPRESSIONS.find((known) => known === name && length === known.length);
}

export interface ChunkContent {
  messages: LoggedMessage[];
  /** Schemas and channels, which other programs put into their chunks. */
  others: Buffer[];
  /** Of the records that are whole; the rest is cut off, or is nothing that we know. */
  wholeBytes: number;
}

/** @param records what stands in a chunk; maybe cut off at the end */
export function parseChunkRecords(records: Buffer): ChunkContent {
  const content: ChunkContent = { messages: [], others: [], wholeBytes: 0 };
  for (;;) {
    const record = recordAt(records, content.wholeBytes);
    if (!record) return content;
    const message = parseMessage(record);
    if (message) content.messages.push(message);
    else if (record[0] === Opcode.SCHEMA || record[0] === Opcode.CHANNEL)
      content.others.push(record);
    else return content;
    content.wholeBytes += record.byteLength;
  }
}

/** @returns undefined when there is no whole one */
function recordAt(bytes: Buffer, offset: number): Buffer | undefined {
  if (bytes.byteLength - offset < RECORD_HEADER_BYTES) return undefined;
  const end = BigInt(offset + RECORD_HEADER_BYTES) + bytes.readBigUInt64LE(offset + 1);
  return end > bytes.byteLength ? undefined : bytes.subarray(offset, Number(end));
}

export function parseMessage(record: Buffer): LoggedMessage | undefined {
  if (record[0] !== Opcode.MESSAGE || record.byteLength < MESSAGE_HEADER_BYTES) return undefined;
  return {
    channelId: record.readUInt16LE(9),
    sequence: record.readUInt32LE(11),
    logTimeNs: record.readBigUInt64LE(15),
    publishTimeNs: record.readBigUInt64LE(23),
    bytes: record.subarray(MESSAGE_HEADER_BYTES),
  };
}
