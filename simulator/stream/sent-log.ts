export type MessageKind = 'objects' | 'zones' | 'health' | 'event' | 'cloud' | 'garbage';

/** One message of a stream as it was handed to one connection's socket. */
export interface SentMessage {
  /** Of the stream: the same message has one number on all connections. */
  sequence: number;
  connection: number;
  /** Epoch milliseconds. */
  atMs: number;
  kind: MessageKind;
  bytes: number;
}

const MOST_MESSAGES = 200_000;

/** What was sent when to whom; the oldest are forgotten beyond 200,000. */
export class SentLog {
  #messages: SentMessage[] = [];

  add(message: SentMessage): void {
    this.#messages.push(message);
    if (this.#messages.length > MOST_MESSAGES * 1.1)
      this.#messages = this.#messages.slice(-MOST_MESSAGES);
  }

  of(connection?: number): SentMessage[] {
    return this.#messages.filter(
      (message) => connection === undefined || message.connection === connection,
    );
  }
}
