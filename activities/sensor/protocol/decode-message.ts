import type { SensorStream } from '../../../domain/sensor.ts';
import { messageTypes } from './sensr-messages.ts';

/** What of a message matters to the one who holds the stream; the rest is only checked. */
export interface DecodedMessage {
  /** Of an output stream: SystemHealth's `master`, a number that may be unknown to us. */
  health?: { master: number };
  /** The server's own time of the message, in nanoseconds since 1970. */
  sentAtNs?: bigint;
}

interface OutputMessage {
  timestamp?: { seconds: Long; nanos: number };
  stream?: { health?: { master: number } };
  event?: { health?: { master: number } };
}

/** An int64, as protobufjs hands it over. */
interface Long {
  high: number;
  low: number;
}

/**
 * Decodes a message whole, so that every byte of it is known to be protobuf; unknown fields and enum numbers are none
 * the worse for it.
 *
 * @throws {Error} when the bytes are no message of this stream
 */
export function decodeMessage(stream: SensorStream, bytes: Uint8Array): DecodedMessage {
  const message: unknown = messageTypes[stream].decode(bytes);
  return stream === 'output' ? readOutput(message as OutputMessage) : {};
}

function readOutput({ timestamp, stream, event }: OutputMessage): DecodedMessage {
  const health = event?.health ?? stream?.health;
  return {
    ...(health && { health: { master: health.master } }),
    ...(timestamp && { sentAtNs: nanosecondsOf(timestamp) }),
  };
}

const nanosecondsOf = ({ seconds, nanos }: { seconds: Long; nanos: number }): bigint =>
  BigInt(seconds.high * 2 ** 32 + (seconds.low >>> 0)) * 1_000_000_000n + BigInt(nanos);
