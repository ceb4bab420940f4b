import { expect, test } from 'vitest';
import { backoffMs } from '../../../workers/stack/supervise.ts';

test('waits longer after each failure in a row, half a minute at most', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 100].map(backoffMs);
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});
