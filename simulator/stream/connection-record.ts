/** What the server saw of one connection. Instants are epoch milliseconds, with fractions. */
export interface ConnectionRecord {
  /** Counted over both streams. */
  id: number;
  remotePort: number;
  /** Of the handshake's request. */
  path?: string;
  /** The TCP connection came. */
  dialedAtMs: number;
  /** The handshake was answered. */
  openedAtMs?: number;
  endedAtMs?: number;
  /** The last thousand. */
  pingsAtMs: number[];
  pongs: number;
  /** That the client sent. */
  closeCode?: number;
  /** Who ended it: the client by a close frame, we by one (or by a fault), or the client by RST or by FIN alone. */
  end?: 'client-closed' | 'server-closed' | 'reset' | 'fin';
  /** Handed to the socket. */
  messages: number;
  bytes: number;
}

/** Epoch milliseconds with microseconds, which `Date.now()` lacks. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
