import { expect, test } from 'vitest';
import type { Difference, InstantRange } from '../../domain/migration.ts';
import {
  addComparison,
  joinRanges,
  nextBatch,
  noDifference,
  sentenceOfDifference,
} from '../../domain/verification.ts';

const hour = (value: number) => new Date(Date.UTC(2025, 5, 15, value)).toISOString();
const hours = (from: number, to: number): InstantRange => ({ from: hour(from), to: hour(to) });

test('a batch ends on a multiple of twelve widths, or at the end', () => {
  const to = '2025-06-17T05:00:00.000Z';
  const first = nextBatch('2025-06-15T06:00:00.000Z', to, 7_200_000);
  expect(first.to).toBe('2025-06-16T00:00:00.000Z');
  expect(nextBatch('2025-06-17T00:00:00.000Z', to, 7_200_000).to).toBe(to);
});

const difference = (minute: number): Difference => ({
  at: new Date(Date.UTC(2025, 5, 15, 0, minute)).toISOString(),
  channel: '/a',
  what: 'differs: source 1, target 2',
});
const differences = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => difference(from + index));

test('keeps the first twenty differences, in whatever order they come', () => {
  const late = { ...noDifference(), missing: 15, differences: differences(100, 15) };
  const early = { ...noDifference(), missing: 15, differences: differences(0, 15) };
  const sum = addComparison(addComparison(noDifference(), late), early);
  expect(sum.missing).toBe(30);
  expect(sum.differences).toEqual([...differences(0, 15), ...differences(100, 5)]);
});

test('remembers where chunks differ, neighbours as one', () => {
  const differs = (from: number, to: number) => ({
    ...noDifference(),
    differing: [hours(from, to)],
  });
  expect(addComparison(noDifference(), noDifference())).not.toHaveProperty('differing');
  const sum = addComparison(addComparison(differs(4, 6), differs(8, 10)), differs(2, 4));
  expect(sum.differing).toEqual([hours(2, 6), hours(8, 10)]);
});

test('fills the shortest gaps where ranges are too many', () => {
  const ranges = [hours(20, 22), hours(0, 2), hours(8, 10), hours(4, 6), hours(16, 18)];
  expect(joinRanges(ranges, 5)).toHaveLength(5);
  expect(joinRanges(ranges, 2)).toEqual([hours(0, 10), hours(16, 22)]);
  expect(joinRanges(ranges, 1)).toEqual([hours(0, 22)]);
});

test('says a difference in one line', () => {
  expect(sentenceOfDifference('IMO9976903', difference(0))).toBe(
    'IMO9976903 /a 2025-06-15T00:00:00.000Z: differs: source 1, target 2',
  );
});
