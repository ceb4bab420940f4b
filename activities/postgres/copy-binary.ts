import { FairleadError } from '../../domain/errors.ts';

/** `PGCOPY\n` ff 0d 0a 00, 32 bits of flags, 32 bits of extension length. */
export const COPY_HEADER = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
export const COPY_TRAILER = Buffer.from('ffff', 'hex');
/** Microseconds from PostgreSQL's epoch, 2000-01-01, back to 1970-01-01. */
export const POSTGRES_EPOCH_US = 946_684_800_000_000;

const GROWTH = 1.25;

/**
 * The bytes of a binary COPY as they arrive, in one piece, so that a cell is known by where it begins.
 *
 * Grows by a quarter at a time up to `maxBytes`, because it is kept for the next chunk; more is a chunk that is too big. {@link CopyBuffer.clear} keeps the memory.
 */
export class CopyBuffer {
  bytes = Buffer.allocUnsafeSlow(1 << 20);
  view = new DataView(this.bytes.buffer);
  length = 0;
  readonly maxBytes: number;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  /** Adds a field of eight bytes, and tells where it begins. */
  appendField8(write: (view: DataView, at: number) => void): number {
    this.reserve(12);
    const at = this.length;
    this.view.setInt32(at, 8);
    write(this.view, at + 4);
    this.length += 12;
    return at;
  }

  /** Adds a NULL field, and tells where it begins. */
  appendNull(): number {
    this.reserve(4);
    this.view.setInt32(this.length, -1);
    this.length += 4;
    return this.length - 4;
  }

  /** Forgets what lies before `upTo`; later positions move to the front by as much. */
  discard(upTo: number): void {
    this.bytes.copyWithin(0, upTo, this.length);
    this.length -= upTo;
  }

  clear(): void {
    this.length = 0;
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    if (needed > this.maxBytes) {
      const hint = 'It is split in two. Raise maxBufferBytes under [migration] to allow more.';
      throw new FairleadError(
        'chunk-too-big',
        `more than ${this.maxBytes} bytes arrived for one chunk`,
        { hint },
      );
    }
    const grown = Buffer.allocUnsafeSlow(
      Math.min(Math.max(needed, this.bytes.length * GROWTH), this.maxBytes),
    );
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

/** Walks the tuples of a binary COPY in a buffer that may still grow. */
export class TupleScanner {
  /** Where each field of the current tuple begins: at its 32-bit length, -1 for NULL. */
  readonly fields: Int32Array;
  /** Where the tuple after the current one begins. */
  position: number;
  private readonly buffer: CopyBuffer;

  constructor(buffer: CopyBuffer, fieldCount: number, headerAt = 0) {
    this.buffer = buffer;
    this.fields = new Int32Array(fieldCount);
    this.position = headerAt + COPY_HEADER.length;
  }

  /** Goes to the next tuple; false at the end, or when it has not arrived whole. */
  next(): boolean {
    const { view, length } = this.buffer;
    let at = this.position;
    if (at + 2 > length || view.getInt16(at) === -1) return false;
    at += 2;
    for (let field = 0; field < this.fields.length; field++) {
      if (at + 4 > length) return false;
      this.fields[field] = at;
      at += 4 + Math.max(0, view.getInt32(at));
      if (at > length) return false;
    }
    this.position = at;
    return true;
  }

  /** Forgets the tuples that were read, and keeps what has arrived of the next one. */
  discardRead(): void {
    const upTo = Math.min(this.position, this.buffer.length);
    this.buffer.discard(upTo);
    this.position -= upTo;
  }
}

export const isNull = (buffer: CopyBuffer, field: number): boolean =>
  buffer.view.getInt32(field) === -1;

export function fieldText(buffer: CopyBuffer, field: number): string | undefined {
  const length = buffer.view.getInt32(field);
  return length === -1 ? undefined : buffer.bytes.toString('utf8', field + 4, field + 4 + length);
}

/** A 64-bit integer as a number: exact for timestamps and counts. */
export const readInt64 = (view: DataView, at: number): number =>
  view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);

/** A one-dimensional array field: where its first element begins, and how many there are. */
export function arrayField(
  buffer: CopyBuffer,
  field: number,
): { count: number; firstElement: number } {
  const isEmpty = isNull(buffer, field) || buffer.view.getInt32(field + 4) === 0;
  if (isEmpty) return { count: 0, firstElement: 0 };
  return { count: buffer.view.getInt32(field + 16), firstElement: field + 24 };
}
