import { expect, test } from 'vitest';
import { addComparison, nextBatch, noDifference } from '../../domain/verification.ts';

test('a batch ends on a multiple of twelve widths, or at the end', () => {
  const to = '2025-06-17T05:00:00.000Z';
  const first = nextBatch('2025-06-15T06:00:00.000Z', to, 7_200_000);
  expect(first.to).toBe('2025-06-16T00:00:00.000Z');
  expect(nextBatch('2025-06-17T00:00:00.000Z', to, 7_200_000).to).toBe(to);
});

test('keeps the first twenty differences', () => {
  const many = { ...noDifference(), missing: 15, differences: Array.from({ length: 15 }, String) };
  const sum = addComparison(addComparison(noDifference(), many), many);
  expect(sum.missing).toBe(30);
  expect(sum.differences).toHaveLength(20);
});
