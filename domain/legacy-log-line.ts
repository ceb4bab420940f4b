import { parseInstant, type EpochUs } from './time.ts';

/** A query of the old pipeline that failed, and after how long. */
export interface QueryFailed {
  kind: 'query-failed';
  /** When it was logged; the log has no zone. */
  atUs: EpochUs;
  /** Empty where the line names none. */
  ship: string;
  seconds: number;
  error: string;
}

/** The range that the failed query was to migrate; which ship's, the line does not say. */
export interface ChunkFailed {
  kind: 'chunk-failed';
  atUs: EpochUs;
  fromUs: EpochUs;
  toUs: EpochUs;
}

/** One of these two, cut off or damaged. */
export interface Unreadable {
  kind: 'unreadable';
  /** Which of the two. */
  of: keyof typeof legacyLogPhrases;
}

export type LegacyLogEvent = QueryFailed | ChunkFailed | Unreadable;

/** What the lines that matter contain; all others can be passed over unread. */
export const legacyLogPhrases = {
  query: 'Query failed after ',
  chunk: 'Failed to migrate chunk ',
} as const;

/** `2025-10-11 09:36:34 | ERROR    |`, perhaps with a decimal, perhaps after what a container's log puts in front. */
const STAMP = /(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})(?:[.,]\d+)?[^|]{0,40}\| *[A-Z]+ *\|/;
/** `[IMO9986087:Thread-133354095633984] ` */
const SHIP = /\[([^[\]]*):[^[\]:]*\]\s*$/;
const QUERY = /^Query failed after (\d+(?:\.\d+)?) seconds(?::\s*(.*))?$/;
const INSTANT = String.raw`(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?(?:Z|[+-]\d{2}:?\d{2})?)`;
const CHUNK = new RegExp(`^Failed to migrate chunk ${INSTANT} to ${INSTANT}:`);
// oxlint-disable-next-line no-control-regex -- a log that went through a terminal has colours
const COLOUR = /\u001b\[[\d;]*m/g;

/** What stands before the phrase is short; a longer line is none of loguru's. */
const MOST_HEAD = 1_000;
const MOST_TEXT = 300;

/**
 * Reads one line of the old pipeline's log.
 *
 * @returns undefined for a line that reports no failure, such as a traceback that repeats the words
 */
export function readLegacyLogLine(text: string): LegacyLogEvent | undefined {
  const line = text.replace(COLOUR, '');
  const at = phraseIn(line);
  if (at < 0) return undefined;
  const head = line.slice(Math.max(0, at - MOST_HEAD), at);
  const atUs = instantOf(STAMP.exec(head)?.[1]);
  if (atUs === undefined) return undefined;
  const message = line.slice(at).trimEnd();
  const of = message.startsWith(legacyLogPhrases.query) ? 'query' : 'chunk';
  const event = of === 'query' ? queryFailed(head, message) : chunkFailed(message);
  return event ? { ...event, atUs } : { kind: 'unreadable', of };
}

function phraseIn(line: string): number {
  const query = line.indexOf(legacyLogPhrases.query);
  return query < 0 ? line.indexOf(legacyLogPhrases.chunk) : query;
}

function queryFailed(head: string, message: string): Omit<QueryFailed, 'atUs'> | undefined {
  const parts = QUERY.exec(message);
  if (!parts) return undefined;
  const ship = SHIP.exec(head)?.[1]?.trim() ?? '';
  const error = parts[2]?.trim() ?? '';
  return {
    kind: 'query-failed',
    ship: ship.slice(0, MOST_TEXT),
    seconds: Number(parts[1]),
    error: error.slice(0, MOST_TEXT),
  };
}

function chunkFailed(message: string): Omit<ChunkFailed, 'atUs'> | undefined {
  const parts = CHUNK.exec(message);
  const [fromUs, toUs] = [instantOf(parts?.[1]), instantOf(parts?.[2])];
  if (fromUs === undefined || toUs === undefined || fromUs >= toUs) return undefined;
  return { kind: 'chunk-failed', fromUs, toUs };
}

function instantOf(text: string | undefined): EpochUs | undefined {
  if (text === undefined) return undefined;
  try {
    return parseInstant(text);
  } catch {
    return undefined;
  }
}
