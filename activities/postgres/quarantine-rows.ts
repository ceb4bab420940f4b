import type { QuarantinedCell } from './book-cells.ts';
import { COPY_HEADER, COPY_TRAILER, type CopyBuffer } from './copy-binary.ts';
import { writeInt64 } from './wide-rows.ts';

const NULL_FIELD = Buffer.from('ffffffff', 'hex');
const FIELD_COUNT = Buffer.from('0009', 'hex');

/** Quarantined cells as a binary COPY: their values are the bytes that were read. */
export function* encodeQuarantine(
  ship: string,
  quarantined: readonly QuarantinedCell[],
  buffer: CopyBuffer,
): Generator<Buffer> {
  yield COPY_HEADER;
  const shipField = textField(ship);
  for (const { cell, reason } of quarantined) {
    const { 'double precision': double, bigint, boolean, text } = cell.fields;
    yield Buffer.concat([
      FIELD_COUNT,
      shipField,
      textField(cell.channel),
      instantField(cell.us),
      textField(reason),
      cell.format === undefined ? NULL_FIELD : textField(cell.format),
      ...[double, bigint, boolean, text].map((field) => fieldBytes(buffer, field)),
    ]);
  }
  yield COPY_TRAILER;
}

function textField(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function instantField(us: number): Buffer {
  const field = Buffer.alloc(12);
  field.writeInt32BE(8);
  writeInt64(field, us, 4);
  return field;
}

function fieldBytes({ bytes, view }: CopyBuffer, field: number): Buffer {
  return bytes.subarray(field, field + 4 + Math.max(0, view.getInt32(field)));
}
