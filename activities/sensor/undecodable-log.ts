import type { SensorLog } from './sensor-log.ts';
import type { StreamFrame } from './stream-frame.ts';

const AT_MOST_EVERY_MS = 60_000;

/** Logs messages that are not the stream's protobuf: the first one at once, the others by number, once a minute. */
export class UndecodableLog {
  readonly #log: SensorLog;
  #toldAtMs = -Infinity;
  #untold = 0;
  #last: Record<string, unknown> = {};

  constructor(log: SensorLog) {
    this.#log = log;
  }

  add({ bytes, isBinary }: StreamFrame, error: Error): void {
    this.#untold += 1;
    this.#last = { bytes: bytes.length, text: !isBinary, error: error.message };
    if (performance.now() - this.#toldAtMs >= AT_MOST_EVERY_MS) this.tell();
  }

  /** What was not told yet. */
  tell(): void {
    if (this.#untold === 0) return;
    this.#log.warn('messages not decoded', { messages: this.#untold, last: this.#last });
    this.#untold = 0;
    this.#toldAtMs = performance.now();
  }
}
