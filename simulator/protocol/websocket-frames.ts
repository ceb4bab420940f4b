/** RFC 6455, section 5.2. */
export const opcodes = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;

export interface ClientFrame {
  opcode: number;
  isLast: boolean;
  payload: Buffer;
}

const LAST = 0x80;
const MASKED = 0x80;
const SHORT_LENGTH = 126;
const LONG_LENGTH = 127;
/** Clients of a stream send control frames only. */
const MOST_PAYLOAD_BYTES = 1 << 20;

/** The bytes before a server's payload: servers do not mask. */
export function frameHeader(opcode: number, payloadBytes: number, isLast = true): Buffer {
  const first = opcode | (isLast ? LAST : 0);
  if (payloadBytes < SHORT_LENGTH) return Buffer.from([first, payloadBytes]);
  if (payloadBytes < 65_536) {
    const header = Buffer.from([first, SHORT_LENGTH, 0, 0]);
    header.writeUInt16BE(payloadBytes, 2);
    return header;
  }
  const header = Buffer.alloc(10);
  header[0] = first;
  header[1] = LONG_LENGTH;
  header.writeBigUInt64BE(BigInt(payloadBytes), 2);
  return header;
}

export const frame = (opcode: number, payload: Buffer): Buffer =>
  Buffer.concat([frameHeader(opcode, payload.length), payload]);

export function closeFrame(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return frame(opcodes.close, payload);
}

/** One message in `count` fragments, the last ones empty when it has fewer bytes. */
export function fragmented(opcode: number, payload: Buffer, count: number): Buffer {
  const size = Math.max(1, Math.ceil(payload.length / count));
  const parts = Array.from({ length: count }, (_, index) => {
    const part = payload.subarray(index * size, (index + 1) * size);
    const kind = index === 0 ? opcode : opcodes.continuation;
    return [frameHeader(kind, part.length, index === count - 1), part];
  });
  return Buffer.concat(parts.flat());
}

/** Collects a client's bytes until they are whole frames. */
export class ClientFrameReader {
  #held: Buffer = Buffer.alloc(0);

  /** @throws {RangeError} when the bytes are no frames of a WebSocket client */
  *read(chunk: Buffer): Generator<ClientFrame> {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    for (let next = this.#next(); next !== undefined; next = this.#next()) yield next;
  }

  #next(): ClientFrame | undefined {
    const held = this.#held;
    if (held.length < 2) return undefined;
    const announced = held[1]! & 0x7f;
    const lengthBytes = announced === SHORT_LENGTH ? 2 : announced === LONG_LENGTH ? 8 : 0;
    const start = 2 + lengthBytes + 4;
    if (held.length < start) return undefined;
    if (!(held[1]! & MASKED)) throw new RangeError('a client frame without mask');
    const length = readLength(held, announced);
    if (length > MOST_PAYLOAD_BYTES) throw new RangeError(`a client frame of ${length} bytes`);
    if (held.length < start + length) return undefined;
    const mask = held.subarray(start - 4, start);
    const payload = Buffer.from(held.subarray(start, start + length));
    for (let i = 0; i < length; i++) payload[i]! ^= mask[i % 4]!;
    this.#held = held.subarray(start + length);
    return { opcode: held[0]! & 0x0f, isLast: (held[0]! & LAST) !== 0, payload };
  }
}

function readLength(held: Buffer, announced: number): number {
  if (announced === SHORT_LENGTH) return held.readUInt16BE(2);
  return announced === LONG_LENGTH ? Number(held.readBigUInt64BE(2)) : announced;
}
