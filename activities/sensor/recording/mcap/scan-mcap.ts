import { open } from 'node:fs/promises';
import { isKnownOpcode, MCAP_MAGIC, Opcode } from '@mcap/core';
import { FairleadError } from '../../../../domain/errors.ts';
import {
  checksumOf,
  CHUNK_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  type LoggedMessage,
} from './chunk-block.ts';
import { FileWindow } from './file-window.ts';
import { compressionOf, parseChunkHeader, parseChunkRecords, parseMessage } from './parse-chunk.ts';

/** No record but a chunk or a message is larger. */
const LARGEST_RECORD_BYTES = 64 * 2 ** 20;
const LARGEST_MESSAGE_BYTES = 2 ** 30;
const SEARCH_BYTES = 2 ** 20;
const MAGIC = Buffer.from(MCAP_MAGIC);

/** What stands in a file, from its beginning to its end. */
export type Found =
  /** Of a chunk, or one by itself. */
  | { type: 'messages'; messages: LoggedMessage[] }
  /** Any other. */
  | { type: 'record'; opcode: Opcode; bytes: Buffer }
  /** Bytes in which nothing can be read, or that differ from their checksum. */
  | { type: 'damage'; damage: Damage }
  /** The file ends in the middle: before there is a whole record, in one, or before its summary. */
  | { type: 'unfinished'; bytes: number }
  /** The file ends as it should. */
  | { type: 'end' };

export interface Damage {
  offset: number;
  bytes: number;
  what: string;
}

/**
 * Reads an MCAP file record by record, and goes on behind what is damaged. Memory: a chunk and a window of 1 MiB.
 *
 * @throws {FairleadError} `recording-unreadable` when it is no MCAP file, or a compressed one
 */
export async function* scanMcap(file: string): AsyncGenerator<Found, void> {
  const handle = await open(file, 'r');
  try {
    const window = await FileWindow.over(handle);
    yield* new McapScan(file, window).run();
  } finally {
    await handle.close();
  }
}

class McapScan {
  readonly #file: string;
  readonly #window: FileWindow;
  #offset = MAGIC.byteLength;
  /** Of all before the offset; it says nothing once something was damaged. */
  #checksum = 0;
  #isDamaged = false;

  constructor(file: string, window: FileWindow) {
    this.#file = file;
    this.#window = window;
  }

  async *run(): AsyncGenerator<Found, void> {
    const magic = await this.#window.read(0, MAGIC.byteLength);
    if (!magic.equals(MAGIC)) throw noRecording(this.#file);
    this.#checksum = checksumOf([magic]);
    for (;;) {
      const header = await this.#window.read(this.#offset, CHUNK_HEADER_BYTES);
      const recordBytes = this.#lengthOf(header);
      if (recordBytes === undefined) {
        const next = await this.#findChunk(this.#offset + 1);
        if (next === undefined) return yield* this.#end(header);
        yield this.#damage(next - this.#offset, 'no MCAP record');
        continue;
      }
      const record = await this.#window.read(this.#offset, recordBytes);
      yield* this.#read(record);
      if (record[0] === Opcode.FOOTER) return yield* this.#close();
    }
  }

  /** @returns undefined when no whole record begins here */
  #lengthOf(header: Buffer): number | undefined {
    const [opcode = 0] = header;
    if (header.byteLength < RECORD_HEADER_BYTES || !isKnownOpcode(opcode)) return undefined;
    const bytes = BigInt(RECORD_HEADER_BYTES) + header.readBigUInt64LE(1);
    if (bytes > BigInt(this.#window.size - this.#offset)) return undefined;
    if (opcode === Opcode.CHUNK) return this.#lengthOfChunk(header);
    const isMessage = opcode === Opcode.MESSAGE || opcode === Opcode.ATTACHMENT;
    return bytes > (isMessage ? LARGEST_MESSAGE_BYTES : LARGEST_RECORD_BYTES)
      ? undefined
      : Number(bytes);
  }

  #lengthOfChunk(header: Buffer): number | undefined {
    const chunk = parseChunkHeader(header);
    if (chunk) return CHUNK_HEADER_BYTES + chunk.recordBytes;
    const compression = compressionOf(header);
    if (compression) throw compressed(this.#file, compression);
    return undefined;
  }

  *#read(record: Buffer): Generator<Found, void> {
    const opcode: Opcode = record[0]!;
    if (opcode === Opcode.CHUNK) {
      yield* this.#readChunk(record);
      return;
    }
    const message = parseMessage(record);
    if (opcode === Opcode.DATA_END) yield* this.#checkData(record);
    yield message
      ? { type: 'messages', messages: [message] }
      : { type: 'record', opcode, bytes: record };
    this.#advance(record);
  }

  *#readChunk(record: Buffer): Generator<Found, void> {
    const { checksum, recordBytes } = parseChunkHeader(record)!;
    const records = record.subarray(CHUNK_HEADER_BYTES);
    if (checksum !== 0 && checksumOf([records]) !== checksum) {
      yield this.#damage(record.byteLength, 'a chunk that differs from its checksum');
      return;
    }
    const { messages, others, wholeBytes } = parseChunkRecords(records);
    for (const bytes of others) yield { type: 'record', opcode: bytes[0]!, bytes };
    if (messages.length > 0) yield { type: 'messages', messages };
    if (wholeBytes < recordBytes)
      yield this.#damage(record.byteLength, 'a chunk with unknown records');
    else this.#advance(record);
  }

  #advance(record: Buffer): void {
    this.#checksum = checksumOf([record], this.#checksum);
    this.#offset += record.byteLength;
  }

  #damage(bytes: number, what: string): Found {
    const damage = { offset: this.#offset, bytes, what };
    this.#isDamaged = true;
    this.#offset += bytes;
    return { type: 'damage', damage };
  }

  /** What the chunks' own checksums do not cover: notes, indexes, the order of it all. */
  *#checkData(dataEnd: Buffer): Generator<Found, void> {
    const expected = dataEnd.readUInt32LE(RECORD_HEADER_BYTES);
    if (this.#isDamaged || expected === 0 || expected === this.#checksum) return;
    const what = 'the data as a whole differ from their checksum';
    yield { type: 'damage', damage: { offset: 0, bytes: 0, what } };
  }

  /** Nothing whole comes any more: of a chunk that was cut off, what is whole in it. */
  async *#end(header: Buffer): AsyncGenerator<Found, void> {
    const rest = this.#window.size - this.#offset;
    const tail = await this.#window.read(this.#window.size - MAGIC.byteLength, MAGIC.byteLength);
    if (rest > 0 && tail.equals(MAGIC)) {
      yield this.#damage(rest, 'no MCAP record');
      return;
    }
    const cut = parseChunkHeader(header);
    const records = cut ? await this.#window.read(this.#offset + CHUNK_HEADER_BYTES, rest) : header;
    const { messages, wholeBytes } = parseChunkRecords(cut ? records : Buffer.alloc(0));
    if (messages.length > 0) yield { type: 'messages', messages };
    yield { type: 'unfinished', bytes: rest - (cut && wholeBytes > 0 ? wholeBytes : 0) };
  }

  async *#close(): AsyncGenerator<Found, void> {
    const magic = await this.#window.read(this.#offset, MAGIC.byteLength);
    const rest = this.#window.size - this.#offset;
    if (magic.equals(MAGIC) && rest === MAGIC.byteLength) yield { type: 'end' };
    else yield { type: 'unfinished', bytes: rest };
  }

  /** @returns where the next chunk begins that fits together */
  async #findChunk(from: number): Promise<number | undefined> {
    for (let start = from; start < this.#window.size; start += SEARCH_BYTES) {
      const bytes = await this.#window.read(start, SEARCH_BYTES + CHUNK_HEADER_BYTES);
      for (
        let at = bytes.indexOf(Opcode.CHUNK);
        at !== -1;
        at = bytes.indexOf(Opcode.CHUNK, at + 1)
      ) {
        const chunk = parseChunkHeader(bytes, at);
        const end = start + at + CHUNK_HEADER_BYTES + (chunk?.recordBytes ?? 0);
        if (chunk && end <= this.#window.size) return start + at;
      }
    }
    return undefined;
  }
}

const noRecording = (file: string): FairleadError =>
  new FairleadError('recording-unreadable', `${file} is no MCAP file`, {
    hint: 'name a file that ends in .mcap or .mcap.part',
  });

const compressed = (file: string, compression: string): FairleadError =>
  new FairleadError('recording-unreadable', `${file} is compressed with ${compression}`, {
    hint: 'Fairlead writes no such files; use the mcap program: mcap info, mcap recover',
  });
