import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DAY_US,
  formatDurationMs,
  formatInstant,
  formatRange,
  parseDurationMs,
  parseInstant,
} from '../../domain/time.ts';

describe('an instant', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-02', DAY_US],
    ['1970-01-01 00:01', 60_000_000],
    ['1970-01-01T00:00:00.000001Z', 1],
    ['1970-01-01 00:00:00.5', 500_000],
    ['1970-01-01T00:00:00,25', 250_000],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['1970-01-01T02:00+02:00', 0],
    ['1970-01-01T02:00:00+02', 0],
    ['1969-12-31T20:30:00-0330', 0],
    [' 1970-01-01t00:00:00z ', 0],
    ['0001-01-01T00:00:00Z', Date.parse('0001-01-01T00:00:00Z') * 1_000],
    ['2024-02-29', Date.parse('2024-02-29') * 1_000],
  ])('reads %s', (text, us) => {
    expect(parseInstant(text)).toBe(us);
  });

  it.each([
    '',
    'now',
    '2025-02-30',
    '2025-02-29T00:00Z',
    '2025-13-01',
    '2025-00-10',
    '2025-06-15T25:00',
    '2025-06-15T02:60',
    '2025-06-15T02:00:00.1234567',
    '15.06.2025',
    '2025-06-15T02',
    'infinity',
  ])('refuses "%s", and repeats it', (text) => {
    expect(() => parseInstant(text)).toThrow(RangeError);
    expect(() => parseInstant(text)).toThrow(`"${text}"`);
  });

  it('is the same microsecond after it was written and read', () => {
    const range = { min: parseInstant('1700-01-01'), max: parseInstant('2250-01-01') };
    fc.assert(
      fc.property(fc.integer(range), (us) => {
        expect(parseInstant(formatInstant(us))).toBe(us);
      }),
    );
  });

  it('is written with milliseconds, or microseconds where they matter', () => {
    expect(formatInstant(parseInstant('2025-06-15T02:00Z'))).toBe('2025-06-15T02:00:00.000Z');
    expect(formatInstant(parseInstant('2025-06-15 14:40:40.388958'))).toBe(
      '2025-06-15T14:40:40.388958Z',
    );
    expect(formatInstant(-1)).toBe('1969-12-31T23:59:59.999999Z');
  });
});

it.each([
  ['2025-06-15T02:00Z', '2025-06-15T04:00Z', '2025-06-15 02:00 → 04:00'],
  ['2025-06-15T22:00Z', '2025-06-16T00:00Z', '2025-06-15 22:00 → 2025-06-16 00:00'],
  ['2025-06-15T02:00:30Z', '2025-06-15T02:01Z', '2025-06-15 02:00:30 → 02:01'],
  ['2025-06-15T02:00Z', '2025-06-15T02:00:00.25Z', '2025-06-15 02:00 → 02:00:00.250'],
])('a range from %s to %s reads "%s"', (from, to, text) => {
  expect(formatRange(parseInstant(from), parseInstant(to))).toBe(text);
});

describe('a duration', () => {
  it.each([
    ['2h', 7_200_000],
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5d', 129_600_000],
    [' 15m ', 900_000],
  ])('reads %s', (text, ms) => {
    expect(parseDurationMs(text)).toBe(ms);
  });

  it.each(['', '2', 'h', '2 h', '2h!', '-2h', '2hours', '1h 30m'])('refuses "%s"', (text) => {
    expect(() => parseDurationMs(text)).toThrow(RangeError);
  });

  it.each([
    [800, '0.8s'],
    [2_000, '2s'],
    [12_000, '12s'],
    [7_200_000, '2h'],
    [5_400_000, '1h 30m'],
    [59_600, '1m'],
    [3_599_700, '1h'],
    [90_061_000, '1d 1h'],
  ])('of %i ms is written for people as %s', (ms, text) => {
    expect(formatDurationMs(ms)).toBe(text);
  });

  it('is never written with sixty seconds, nor as nothing', () => {
    const durations = fc.oneof(
      fc.integer({ min: 0, max: 400 * 86_400_000 }),
      fc.integer({ min: 0, max: 4_000_000 }),
    );
    fc.assert(
      fc.property(durations, (ms) => {
        expect(formatDurationMs(ms)).toMatch(/^(\d+(\.\d)?s|\d+[dhm]( \d+[hms])?|\d+s)$/);
        expect(formatDurationMs(ms)).not.toMatch(/\b60[sm]/);
      }),
    );
  });
});
