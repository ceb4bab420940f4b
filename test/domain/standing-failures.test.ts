import { expect, test } from 'vitest';
import type { Span } from '../../domain/chunk-planning.ts';
import { standingFailures } from '../../domain/standing-failures.ts';

const hours = (fromUs: number, toUs: number): Span => ({ fromUs, toUs });
const failed = (fromUs: number, toUs: number, failedAtMs: number) => ({ fromUs, toUs, failedAtMs });

test('a failure stands until all of it is proven, whatever the width', () => {
  const failure = failed(14, 16, 1);
  expect(standingFailures([failure], [])).toEqual([failure]);
  expect(standingFailures([failure], [hours(14, 15)])).toEqual([failure]);
  expect(standingFailures([failure], [hours(12, 15), hours(15, 16)])).toEqual([]);
});

test('what failed again in other chunks counts once', () => {
  const whole = failed(14, 16, 1);
  const [first, second] = [failed(14, 15, 2), failed(15, 16, 3)];
  expect(standingFailures([whole, first, second], [])).toEqual([first, second]);
  expect(standingFailures([whole, first], [hours(15, 16)])).toEqual([first]);
  expect(standingFailures([whole, first], [])).toEqual([whole, first]);
});

test('a failure stands where a later and wider one does not cover all of it', () => {
  const [old, wide] = [failed(14, 16, 1), failed(15, 20, 2)];
  expect(standingFailures([old, wide], [])).toEqual([old, wide]);
  expect(standingFailures([old, wide], [hours(13, 15)])).toEqual([wide]);
});
