const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Writes protobuf's wire format, field by field; proto3's defaults are left out, as every encoder does. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(4_096);
  #length = 0;

  /** `int32`, `int64`, `bool` and enums; negative numbers take ten bytes. */
  int(field: number, value: number): this {
    if (value === 0) return this;
    this.#varint(field * 8 + VARINT);
    if (value > 0) this.#varint(value);
    else this.#negativeVarint(value);
    return this;
  }

  float(field: number, value: number): this {
    if (value === 0) return this;
    this.#varint(field * 8 + FIXED32);
    this.#reserve(4);
    this.#length = this.#bytes.writeFloatLE(value, this.#length);
    return this;
  }

  bytes(field: number, value: Buffer): this {
    if (value.length === 0) return this;
    this.#varint(field * 8 + LENGTH_DELIMITED);
    this.#varint(value.length);
    this.#reserve(value.length);
    this.#length += value.copy(this.#bytes, this.#length);
    return this;
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value));
  }

  /** A nested message; an empty one is written too, because its presence says something. */
  message(field: number, write: (inner: ProtobufWriter) => void): this {
    this.#varint(field * 8 + LENGTH_DELIMITED);
    const start = this.#length;
    write(this);
    const written = Buffer.from(this.#bytes.subarray(start, this.#length));
    this.#length = start;
    this.#varint(written.length);
    this.#reserve(written.length);
    this.#length += written.copy(this.#bytes, this.#length);
    return this;
  }

  /** `repeated int32`, packed. */
  ints(field: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    this.#varint(field * 8 + LENGTH_DELIMITED);
    const packed = new ProtobufWriter();
    for (const value of values) packed.#varint(value);
    const bytes = packed.finish();
    this.#varint(bytes.length);
    this.#reserve(bytes.length);
    this.#length += bytes.copy(this.#bytes, this.#length);
    return this;
  }

  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  #negativeVarint(value: number): void {
    this.#reserve(10);
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest >= 0x80n) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
