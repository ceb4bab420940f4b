import type { EndedConnection, EndReason } from '../../domain/sensor.ts';
import type { StreamFrame } from './stream-frame.ts';

/** A connection that lasted so long was healthy, whatever it brought. */
const HEALTHY_AFTER_MS = 30_000;

/** What is known of one connection. */
export class ConnectionRecord {
  openedAt: Date | undefined;
  localPort: number | undefined;
  lastMessageAtMs: number | undefined;
  messages = 0;
  bytes = 0;
  /** A pong came that answered our own ping. */
  ponged = false;
  decoded = false;
  /** SystemHealth's `master`, as the server told it last. */
  health: number | undefined;

  opened(localPort: number): void {
    this.openedAt = new Date();
    this.localPort = localPort;
  }

  received({ bytes, receivedAtNs }: StreamFrame): void {
    this.messages += 1;
    this.bytes += bytes.length;
    this.lastMessageAtMs = Number(receivedAtNs / 1_000_000n);
  }

  /** @param uptimeMs in which this process ran */
  ended(
    { reason, detail, code }: { reason: EndReason; detail: string; code?: number },
    uptimeMs: number,
  ): EndedConnection {
    const { openedAt, localPort, lastMessageAtMs, messages, bytes } = this;
    return {
      reason,
      detail,
      healthy: (this.ponged && this.decoded) || uptimeMs >= HEALTHY_AFTER_MS,
      ...(openedAt && { openedAt: openedAt.toISOString() }),
      endedAt: new Date().toISOString(),
      ...(localPort !== undefined && { localPort }),
      ...(code !== undefined && { code }),
      ...(lastMessageAtMs !== undefined && {
        lastMessageAt: new Date(lastMessageAtMs).toISOString(),
      }),
      messages,
      bytes,
    };
  }
}
