import { isUtf8 } from 'node:buffer';
import { Transform, type TransformCallback } from 'node:stream';
import { FairleadError } from '../../../domain/errors.ts';

const NEWLINE = 10;
const LONGEST_CHARACTER = 4;

/** Lets text pass that is UTF-8 and ends with a line end; holds back at most three bytes. */
export class CheckUtf8 extends Transform {
  #kept = Buffer.alloc(0);
  #newlines = 0;
  #lastByte: number | undefined;

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    const bytes = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const whole = bytes.subarray(0, bytes.length - unfinishedBytes(bytes));
    this.#kept = Buffer.from(bytes.subarray(whole.length));
    if (!isUtf8(whole)) return done(this.#notUtf8(whole));
    this.#newlines += countNewlines(whole);
    this.#lastByte = whole.at(-1) ?? this.#lastByte;
    return done(null, whole);
  }

  override _flush(done: TransformCallback): void {
    if (this.#kept.length > 0) return done(this.#notUtf8(this.#kept));
    if (this.#lastByte === undefined) return done(invalid('is empty'));
    if (this.#lastByte === NEWLINE) return done();
    return done(
      invalid(`line ${this.#newlines + 1} has no line end: the file may have been cut off there`, {
        hint: 'get the file again; if it is whole, end its last line: echo >> FILE',
      }),
    );
  }

  #notUtf8(bytes: Buffer): FairleadError {
    const line = this.#newlines + 1 + newlinesBeforeFault(bytes);
    return invalid(`line ${line} is not UTF-8`, {
      hint: 'convert the file first, for example: iconv -f latin1 -t utf-8 FILE > NEW',
    });
  }
}

/** A fault of the file; whoever knows its name puts it in front. */
export const invalid = (message: string, options: { hint?: string; cause?: unknown } = {}) =>
  new FairleadError('import-invalid', message, options);

/** Bytes at the end that begin a character whose rest is still to come. */
function unfinishedBytes(bytes: Buffer): number {
  for (let back = 1; back < LONGEST_CHARACTER && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return lengthOfCharacter(byte) > back ? back : 0;
  }
  return 0;
}

const lengthOfCharacter = (first: number): number =>
  first >= 0xf0 ? LONGEST_CHARACTER : first >= 0xe0 ? 3 : 2;

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}

function newlinesBeforeFault(bytes: Buffer): number {
  let count = 0;
  for (let start = 0; ; count++) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end === -1 || !isUtf8(bytes.subarray(start, end))) return count;
    start = end + 1;
  }
}
