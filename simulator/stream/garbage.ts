import { randomBytes } from 'node:crypto';
import type { GarbageKind } from '../faults.ts';
import { ProtobufWriter } from '../protocol/protobuf-writer.ts';
import { fragmented, frame, frameHeader, opcodes } from '../protocol/websocket-frames.ts';

export interface Garbage {
  parts: readonly Buffer[];
  /** The WebSocket message that it is. */
  payload: Buffer | undefined;
  /** The message itself is still in it, so that a client must not lose it. */
  isMessage: boolean;
  /** The connection carries no frames any more. */
  breaks: boolean;
}

const FRAGMENTS = 1_000;
const ANNOUNCED_BYTES = 200 * 1024 * 1024;
const UNKNOWN_FIELD = 999;
const UNKNOWN_LABEL = 77;
/** A frame with reserved bits, and an opcode that does not exist. */
const NO_FRAME = Buffer.from('ff7f0badf00d', 'hex');

/** What is sent in place of a message, given in parts. */
export function garbageFor(kind: GarbageKind, message: readonly Buffer[]): Garbage | undefined {
  switch (kind) {
    case 'bytes':
      return harmless(opcodes.binary, Buffer.from([0xff, ...randomBytes(199)]));
    case 'text':
      return harmless(opcodes.text, Buffer.from('{"this": "is no protobuf"}'));
    case 'header':
      return breaking(Buffer.concat([frameHeader(opcodes.binary, ANNOUNCED_BYTES), NO_FRAME]));
    case 'frames':
      return breaking(NO_FRAME);
    case 'fragments': {
      const payload = Buffer.concat(message);
      const parts = [fragmented(opcodes.binary, payload, FRAGMENTS)];
      return { parts, payload, isMessage: true, breaks: false };
    }
    case 'unknown': {
      const payload = Buffer.concat([...message, unknownFields()]);
      return { parts: [frame(opcodes.binary, payload)], payload, isMessage: true, breaks: false };
    }
    case 'http':
      return undefined;
    default:
      return kind satisfies never;
  }
}

const harmless = (opcode: number, payload: Buffer): Garbage => ({
  parts: [frame(opcode, payload)],
  payload,
  isMessage: false,
  breaks: false,
});

const breaking = (bytes: Buffer): Garbage => ({
  parts: [bytes],
  payload: undefined,
  isMessage: false,
  breaks: true,
});

/** Fields that protobuf merges into the message before them: an object of an unknown label, and a field of no name. */
function unknownFields(): Buffer {
  return new ProtobufWriter()
    .message(3, (stream) =>
      stream.message(1, (object) => object.int(1, 1_000_000).int(2, UNKNOWN_LABEL)),
    )
    .text(UNKNOWN_FIELD, 'a field that nobody knows')
    .finish();
}
