/** One WebSocket message of a stream, as it came. */
export interface StreamFrame {
  bytes: Buffer;
  isBinary: boolean;
  /** Nanoseconds since 1970: when its last byte was read. */
  receivedAtNs: bigint;
}
