import { McapRecordBuilder, Opcode } from '@mcap/core';
import type { McapTypes } from '@mcap/core';
import { GrowingBuffer } from './growing-buffer.ts';
import { checksumOf } from './chunk-block.ts';

/** Of a footer: all but its checksum and the magic bytes behind it. */
const FOOTER_BYTES_IN_CHECKSUM = 25;

/**
 * What stands at the end of an MCAP file, so that a reader finds everything: schemas, channels, counts, and where each
 * chunk is. About 90 bytes a chunk.
 */
export class McapSummary {
  readonly #schemas = new Map<number, Uint8Array>();
  readonly #channels = new Map<number, Uint8Array>();
  readonly #chunkIndexes = new GrowingBuffer();
  readonly #metadataIndexes = new GrowingBuffer();
  readonly #builder = new McapRecordBuilder();
  readonly #messages = new Map<number, bigint>();
  readonly #statistics = {
    messageCount: 0n,
    metadataCount: 0,
    chunkCount: 0,
    messageStartTime: 0n,
    messageEndTime: 0n,
  };

  get messages(): number {
    return Number(this.#statistics.messageCount);
  }

  get chunks(): number {
    return this.#statistics.chunkCount;
  }

  addSchema(id: number, record: Uint8Array): void {
    this.#schemas.set(id, record);
  }

  addChannel(id: number, record: Uint8Array): void {
    this.#channels.set(id, record);
  }

  addMetadata(name: string, offset: number, byteLength: number): void {
    this.#statistics.metadataCount++;
    this.#builder.reset();
    this.#builder.writeMetadataIndex({ name, offset: BigInt(offset), length: BigInt(byteLength) });
    this.#metadataIndexes.append(this.#builder.buffer);
  }

  countMessage(channelId: number): void {
    this.#statistics.messageCount++;
    this.#messages.set(channelId, (this.#messages.get(channelId) ?? 0n) + 1n);
  }

  addChunk(index: McapTypes.ChunkIndex): void {
    const { messageStartTime: startNs, messageEndTime: endNs } = index;
    const statistics = this.#statistics;
    const isFirst = statistics.chunkCount++ === 0;
    if (isFirst || startNs < statistics.messageStartTime) statistics.messageStartTime = startNs;
    if (isFirst || endNs > statistics.messageEndTime) statistics.messageEndTime = endNs;
    this.#builder.reset();
    this.#builder.writeChunkIndex(index);
    this.#chunkIndexes.append(this.#builder.buffer);
  }

  /**
   * @param offset where the data of the file ends
   * @param dataChecksum of all that stands before
   * @returns all that is missing in the file
   */
  encode(offset: number, dataChecksum: number): Uint8Array[] {
    const dataEnd = this.#encode((builder) =>
      builder.writeDataEnd({ dataSectionCrc: dataChecksum }),
    );
    const summaryStart = offset + dataEnd.byteLength;
    const groups = this.#groups();
    const offsets = this.#encodeOffsets(groups, summaryStart);
    const parts = groups.map(([, bytes]) => bytes);
    const offsetStart = summaryStart + parts.reduce((sum, part) => sum + part.byteLength, 0);
    const footer = { summaryStart: BigInt(summaryStart), summaryOffsetStart: BigInt(offsetStart) };
    const unchecked = this.#encode((builder) => builder.writeFooter({ ...footer, summaryCrc: 0 }));
    const checked = [...parts, offsets, unchecked.subarray(0, FOOTER_BYTES_IN_CHECKSUM)];
    const end = this.#encode((builder) => {
      builder.writeFooter({ ...footer, summaryCrc: checksumOf(checked) });
      builder.writeMagic();
    });
    return [dataEnd, ...parts, offsets, end];
  }

  #encode(write: (builder: McapRecordBuilder) => void): Uint8Array {
    this.#builder.reset();
    write(this.#builder);
    return this.#builder.buffer;
  }

  /** Each kind of record of the summary, in one piece. */
  #groups(): [Opcode, Uint8Array][] {
    const statistics = this.#encode((builder) =>
      builder.writeStatistics({
        ...this.#statistics,
        schemaCount: this.#schemas.size,
        channelCount: this.#channels.size,
        attachmentCount: 0,
        channelMessageCounts: this.#messages,
      }),
    );
    return [
      [Opcode.SCHEMA, Buffer.concat([...this.#schemas.values()])],
      [Opcode.CHANNEL, Buffer.concat([...this.#channels.values()])],
      [Opcode.STATISTICS, statistics],
      [Opcode.METADATA_INDEX, this.#metadataIndexes.bytes],
      [Opcode.CHUNK_INDEX, this.#chunkIndexes.bytes],
    ];
  }

  #encodeOffsets(groups: readonly [Opcode, Uint8Array][], summaryStart: number): Uint8Array {
    let offset = summaryStart;
    return this.#encode((builder) => {
      for (const [groupOpcode, { byteLength }] of groups) {
        const [groupStart, groupLength] = [BigInt(offset), BigInt(byteLength)];
        if (byteLength > 0) builder.writeSummaryOffset({ groupOpcode, groupStart, groupLength });
        offset += byteLength;
      }
    });
  }
}
