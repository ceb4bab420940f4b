import { legacyLogPhrases, readLegacyLogLine } from '../../domain/legacy-log-line.ts';
import type { LegacyLogEvent } from '../../domain/legacy-log-line.ts';

const LINE_FEED = 10;
/** Of a line that goes on for longer only this much is kept, so that memory stays bounded. */
const MOST_LINE_BYTES = 64 * 1_024;
/** What is looked at around the words that matter; a line of the old pipeline is shorter. */
const MOST_BEFORE_BYTES = 4_000;
const MOST_AFTER_BYTES = 4_000;

const phrases = Object.values(legacyLogPhrases).map((phrase) => Buffer.from(phrase));

/** Finds the lines that matter in a stream of bytes, cut anywhere; the others are counted and not decoded. */
export class LineScanner {
  lines = 0;
  /** True when the last line has no line feed. */
  endsUnfinished = false;
  #rest: Buffer = Buffer.alloc(0);
  readonly #onEvent: (event: LegacyLogEvent) => void;

  constructor(onEvent: (event: LegacyLogEvent) => void) {
    this.#onEvent = onEvent;
  }

  feed(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole = bytes.lastIndexOf(LINE_FEED) + 1;
    this.#scan(bytes.subarray(0, whole));
    this.#rest = Buffer.from(bytes.subarray(whole, whole + MOST_LINE_BYTES));
  }

  end(): void {
    this.endsUnfinished = this.#rest.length > 0;
    if (!this.endsUnfinished) return;
    this.#scan(this.#rest);
    this.lines++;
  }

  #scan(bytes: Buffer): void {
    this.lines += countLineFeeds(bytes);
    const next = phrases.map((phrase) => bytes.indexOf(phrase));
    for (;;) {
      const hit = next.reduce((least, at) => (at >= 0 && at < least ? at : least), bytes.length);
      if (hit === bytes.length) return;
      const end = this.#readLineAt(bytes, hit);
      phrases.forEach((phrase, index) => {
        const at = next[index]!;
        if (at >= 0 && at < end) next[index] = bytes.indexOf(phrase, end);
      });
    }
  }

  /** @returns where the next line begins */
  #readLineAt(bytes: Buffer, hit: number): number {
    const start = bytes.lastIndexOf(LINE_FEED, hit) + 1;
    const feed = bytes.indexOf(LINE_FEED, hit);
    const end = feed < 0 ? bytes.length : feed;
    const line = bytes.toString(
      'utf8',
      Math.max(start, hit - MOST_BEFORE_BYTES),
      Math.min(end, hit + MOST_AFTER_BYTES),
    );
    const event = readLegacyLogLine(line);
    if (event) this.#onEvent(event);
    return end;
  }
}

function countLineFeeds(bytes: Buffer): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) if (bytes[index] === LINE_FEED) count++;
  return count;
}
