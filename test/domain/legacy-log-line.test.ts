import { describe, expect, it } from 'vitest';
import { readLegacyLogLine } from '../../domain/legacy-log-line.ts';
import { parseInstant } from '../../domain/time.ts';

const QUERY =
  '2025-10-11 09:36:34 | ERROR    | thread_logger:error:42 - [IMO9986087:Thread-133354095633984] Query failed after 8126.46 seconds: connection already closed';
const CHUNK =
  '2025-10-11 09:36:34 | ERROR    | chunked_migration_strategy:migrate_chunk:255 - ❌ Failed to migrate chunk 2025-07-15 20:40:40.391527 to 2025-07-16 02:40:40.391527: connection already closed';
const atUs = parseInstant('2025-10-11 09:36:34');

const queryFailed = {
  kind: 'query-failed',
  atUs,
  ship: 'IMO9986087',
  seconds: 8_126.46,
  error: 'connection already closed',
};
const chunkFailed = {
  kind: 'chunk-failed',
  atUs,
  fromUs: parseInstant('2025-07-15 20:40:40.391527'),
  toUs: parseInstant('2025-07-16 02:40:40.391527'),
};

describe("a line of the old pipeline's log", () => {
  it('tells the ship, the duration and the error of a query', () => {
    expect(readLegacyLogLine(QUERY)).toEqual(queryFailed);
  });

  it('tells the range of a chunk', () => {
    expect(readLegacyLogLine(CHUNK)).toEqual(chunkFailed);
  });

  it.each([
    ['a carriage return', `${QUERY}\r`],
    ['a decimal of the time', QUERY.replace('34 |', '34.123 |')],
    ['what a container puts in front', `app_1  | ${QUERY}`],
    ['colours', `\u001b[32m${QUERY.replace('ERROR', '\u001b[31mERROR\u001b[0m')}`],
  ])('is read with %s', (_, line) => {
    expect(readLegacyLogLine(line)).toEqual(queryFailed);
  });

  it('is read with an emoji whose bytes are broken', () => {
    expect(readLegacyLogLine(CHUNK.replace('❌', '\uFFFD\uFFFD'))).toEqual(chunkFailed);
  });

  it.each([
    ['a traceback that repeats the words', 'RuntimeError: Query failed after 8126.46 seconds: x'],
    ['another line', '2025-10-11 09:36:34 | INFO     | a:b:1 - [IMO9986087:Thread-1] Query done'],
    ['nothing', ''],
  ])('is none of a failure: %s', (_, line) => {
    expect(readLegacyLogLine(line)).toBeUndefined();
  });

  it.each([
    ['cut off in the number', QUERY.slice(0, QUERY.indexOf('.46'))],
    ['cut off before the unit', QUERY.slice(0, QUERY.indexOf(' seconds'))],
    ['cut off in the range', CHUNK.slice(0, CHUNK.indexOf(':40:40.391527: '))],
    ['cut off after the range', CHUNK.slice(0, CHUNK.indexOf(': connection'))],
    ['without a duration', QUERY.replace('8126.46', 'nan')],
    ['of a day that the calendar does not have', CHUNK.replace('2025-07-15', '2025-02-30')],
    ['of a range that ends before it begins', CHUNK.replace('to 2025', 'to 2024')],
  ])('is unreadable: %s', (_, line) => {
    expect(readLegacyLogLine(line)).toMatchObject({ kind: 'unreadable' });
  });

  it('may name no ship', () => {
    const line = QUERY.replace('[IMO9986087:Thread-133354095633984] ', '');
    expect(readLegacyLogLine(line)).toMatchObject({ ship: '', seconds: 8_126.46 });
  });

  it('takes a hostile line no longer than another', () => {
    const head = '2025-10-11 09:36:34 | ERROR    | a:b:1 - ';
    const started = performance.now();
    for (const filling of ['[', '[a:', ' ', '| ', '2025-10-11 09:36:34'])
      readLegacyLogLine(`${head}${filling.repeat(30_000)}Query failed after 1 seconds: x`);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
