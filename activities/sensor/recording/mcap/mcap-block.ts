import { McapRecordBuilder } from '@mcap/core';
import type { McapTypes } from '@mcap/core';
import type { McapSummary } from './mcap-summary.ts';

/** A piece of an MCAP file that is there as a whole or not at all. */
export interface McapBlock {
  parts: readonly Uint8Array[];
  byteLength: number;
  /** Tells the summary what stands in the file at `offset`. */
  enterInto(summary: McapSummary, offset: number): void;
}

/** @returns the records that `write` writes */
export function encodeRecords(write: (builder: McapRecordBuilder) => void): Uint8Array {
  const builder = new McapRecordBuilder();
  write(builder);
  return builder.buffer;
}

function blockOf(bytes: Uint8Array, enterInto: McapBlock['enterInto']): McapBlock {
  return { parts: [bytes], byteLength: bytes.byteLength, enterInto };
}

export function startBlock(library: string): McapBlock {
  const bytes = encodeRecords((builder) => {
    builder.writeMagic();
    builder.writeHeader({ profile: '', library });
  });
  return blockOf(bytes, () => {});
}

export function schemaBlock(schema: McapTypes.Schema): McapBlock {
  const bytes = encodeRecords((builder) => builder.writeSchema(schema));
  return blockOf(bytes, (summary) => summary.addSchema(schema.id, bytes));
}

export function channelBlock(channel: McapTypes.Channel): McapBlock {
  const bytes = encodeRecords((builder) => builder.writeChannel(channel));
  return blockOf(bytes, (summary) => summary.addChannel(channel.id, bytes));
}

/** What is known of a recording beside its messages. */
export interface Note {
  name: string;
  fields: Record<string, string>;
}

export function noteBlock({ name, fields }: Note): McapBlock {
  const metadata = new Map(Object.entries(fields));
  const bytes = encodeRecords((builder) => builder.writeMetadata({ name, metadata }));
  return blockOf(bytes, (summary, offset) => summary.addMetadata(name, offset, bytes.byteLength));
}
