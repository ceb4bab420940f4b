import { expect, it } from 'vitest';
import { judged, rounded, targetText } from '../../bench/sensor/figure.ts';

it.each([
  [{ atMost: 30 }, 30, 'met'],
  [{ atMost: 30 }, 30.1, 'missed'],
  [{ below: 200 }, 200, 'missed'],
  [{ below: 200 }, 199.9, 'met'],
  [{ atLeast: 384 }, 384, 'met'],
  [{ atLeast: 384 }, 383.9, 'missed'],
] as const)('judges %j by %d: %s', (target, value, verdict) => {
  const figure = judged({ part: 'p', what: 'w', value, unit: 's', target });
  expect(figure.verdict).toBe(verdict);
});

it('misses a target where nothing was measured, and has no opinion without one', () => {
  const figure = { part: 'p', what: 'w', value: undefined, unit: 's' };
  expect(judged({ ...figure, target: { atMost: 1 } }).verdict).toBe('missed');
  expect(judged(figure).verdict).toBe('no target');
});

it('tells a target with its unit, and three digits of a value', () => {
  expect(
    targetText(judged({ part: '', what: '', value: 1, unit: 's', target: { below: 5 } })),
  ).toBe('below 5 s');
  expect([rounded(0.123456), rounded(12.3456), rounded(1234.56)]).toEqual([0.123, 12.3, 1234.6]);
});
