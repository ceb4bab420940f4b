import type { Span } from './chunk-planning.ts';
import { formatInstant, parseInstant, type EpochUs } from './time.ts';

/** One line of `post_proc.csv`, the old pipeline's list of failed chunks: ship, from, to. */
export interface FailedRange extends Span {
  ship: string;
}

export interface LineFault {
  line: number;
  message: string;
}

export interface PostProc {
  /** In the order of the file, with their lines. */
  ranges: (FailedRange & { line: number })[];
  faults: LineFault[];
  /** The first line, where it is a header. */
  header?: string;
}

/** Cells of earlier instants are part of no chunk. */
const OLDEST_US = parseInstant('1715-01-01');
const LINE_FEED = 10;
const QUOTE = 34;
/** No ship's id is that long: its table's name has 63 bytes. */
const MOST_QUOTED_BYTES = 256;

/**
 * Reads a `post_proc.csv` as a whole: with or without a header, a byte order mark, CRLF, blank lines and quotes.
 *
 * @param nowUs a range that ends later is a fault: what is still to come cannot be proven
 */
export function parsePostProc(bytes: Uint8Array, nowUs: EpochUs): PostProc {
  const found: PostProc = { ranges: [], faults: [] };
  let isFirst = true;
  for (const { line, text } of linesOf(bytes)) {
    if (text?.trim() === '') continue;
    if (text === undefined) found.faults.push({ line, message: 'is not UTF-8' });
    else if (isFirst && isHeader(text)) found.header = text.trim();
    else addLine(found, line, text, nowUs);
    isFirst = false;
  }
  return found;
}

/** @yields a line's number and its text; no text where its bytes are not UTF-8 */
function* linesOf(bytes: Uint8Array): Generator<{ line: number; text: string | undefined }> {
  for (let from = 0, line = 1; from < bytes.length; line++) {
    const first = endOfLine(bytes, from);
    const to = isOpen(bytes, from, first) ? endOfQuoted(bytes, from, first) : first;
    yield { line, text: decoded(bytes.subarray(from, to)) };
    for (let feed = bytes.indexOf(LINE_FEED, from); feed >= 0 && feed < to; line++)
      feed = bytes.indexOf(LINE_FEED, feed + 1);
    from = to + 1;
  }
}

function endOfLine(bytes: Uint8Array, from: number): number {
  const feed = bytes.indexOf(LINE_FEED, from);
  return feed === -1 ? bytes.length : feed;
}

/** Begins with a quote that the line does not close: a ship's id may hold a line break. */
const isOpen = (bytes: Uint8Array, from: number, to: number): boolean =>
  bytes[from] === QUOTE && quotesIn(bytes, from, to) % 2 === 1;

/** Where nothing closes the quote soon, it is a fault of this line alone. */
function endOfQuoted(bytes: Uint8Array, from: number, first: number): number {
  for (let to = first; to < Math.min(bytes.length, from + MOST_QUOTED_BYTES);) {
    to = endOfLine(bytes, to + 1);
    if (quotesIn(bytes, from, to) % 2 === 0) return to;
  }
  return first;
}

function quotesIn(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let at = from; at < to; at++) if (bytes[at] === QUOTE) count++;
  return count;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const FIELD = /^\s*(?:"((?:[^"]|"")*)"\s*|([^,]*))(,|$)/;

function fieldsOf(text: string): string[] {
  const fields: string[] = [];
  for (let rest = text; ;) {
    const [all, quoted, plain = '', comma] = FIELD.exec(rest)!;
    fields.push(quoted?.replaceAll('""', '"') ?? plain.trim());
    if (!comma) return fields;
    rest = rest.slice(all.length);
  }
}

/** No time is without a digit, so that words in their place are titles. */
function isHeader(text: string): boolean {
  const [, ...times] = fieldsOf(text);
  return times.length === 2 && times.every((time) => /^[^\d]+$/.test(time));
}

function addLine(found: PostProc, line: number, text: string, nowUs: EpochUs): void {
  const fields = fieldsOf(text);
  if (fields.length !== 3) {
    const message = `has ${fields.length === 1 ? '1 field' : `${fields.length} fields`}, expected 3: ship,from,to`;
    found.faults.push({ line, message });
    return;
  }
  const [ship = '', from = '', to = ''] = fields;
  const messages = ship === '' ? ['has no ship'] : [];
  const fromUs = instantOf(from, messages);
  const toUs = instantOf(to, messages);
  if (fromUs !== undefined && toUs !== undefined) {
    if (fromUs >= toUs) messages.push(`from ${from} is not before to ${to}`);
    else if (fromUs < OLDEST_US) messages.push(`from ${from} is before 1715`);
    else if (toUs > nowUs) messages.push(`to ${to} lies in the future`);
    if (messages.length === 0) found.ranges.push({ line, ship, fromUs, toUs });
  }
  found.faults.push(...messages.map((message) => ({ line, message })));
}

function instantOf(text: string, messages: string[]): EpochUs | undefined {
  try {
    return parseInstant(text);
  } catch (error) {
    messages.push((error as Error).message);
    return undefined;
  }
}

/** One line of `post_proc.csv`, with its line feed: always six decimals, as the old pipeline wrote them. */
export const formatPostProc = ({ ship, fromUs, toUs }: FailedRange): string =>
  `${field(ship)},${sixDecimals(fromUs)},${sixDecimals(toUs)}\n`;

const field = (text: string): string =>
  /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

function sixDecimals(us: EpochUs): string {
  const text = formatInstant(us).replace('T', ' ').replace('Z', '');
  return text.padEnd(26, '0');
}
