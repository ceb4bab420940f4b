import { expect, test } from 'vitest';
import { cellsPerSecond, percentSettled, settledThrough } from '../../domain/migration-progress.ts';
import { DEFAULT_TIMING, kindAfter, waitBeforeRetryMs } from '../../domain/migration-timing.ts';

const at = (hour: number): string => `2025-06-15T${String(hour).padStart(2, '0')}:00:00.000Z`;
const tenHours = { from: at(0), to: at(10) };

test('counts what is planned and not open as settled', () => {
  const open = [{ from: at(2), to: at(3) }];
  expect(percentSettled([tenHours], at(0), [])).toBe(0);
  expect(percentSettled([tenHours], at(5), open)).toBe(40);
  expect(percentSettled([tenHours], at(10), [])).toBe(100);
});

test('an empty range is settled', () => {
  expect(percentSettled([{ from: at(1), to: at(1) }], at(1), [])).toBe(100);
});

test('is settled up to the oldest chunk that is open', () => {
  expect(
    settledThrough(at(5), [
      { from: at(4), to: at(5) },
      { from: at(2), to: at(3) },
    ]),
  ).toBe(at(2));
  expect(settledThrough(at(5), [])).toBe(at(5));
});

test('counts chunks in flight together once', () => {
  const samples = [
    { atMs: 10_000, seconds: 2, cells: 100 },
    { atMs: 10_000, seconds: 2, cells: 100 },
  ];
  expect(cellsPerSecond(samples)).toBe(100);
  expect(cellsPerSecond([])).toBe(0);
});

test.each([
  ['transient', 0, 30_000],
  ['transient', 2, 120_000],
  ['transient', 900, 300_000],
  ['outcome-unknown', 1, 60_000],
  ['operator', 0, 60_000],
  ['operator', 9, 300_000],
  ['data', 0, undefined],
  ['too-big', 0, undefined],
  ['bug', 0, undefined],
] as const)('after a failure of kind %s in round %d waits %s ms', (kind, round, waitMs) => {
  expect(waitBeforeRetryMs(kind, round, DEFAULT_TIMING)).toBe(waitMs);
});

test.each([
  ['read-only', 0, 'transient'],
  ['read-only', 119_999, 'transient'],
  ['read-only', 120_000, 'operator'],
  ['disk-full', 0, 'operator'],
] as const)('%s after %d ms is %s', (code, waitedMs, kind) => {
  expect(kindAfter({ code, kind: 'operator' }, waitedMs, DEFAULT_TIMING)).toBe(kind);
});
