import { expect, test } from 'vitest';
import { planSoak } from '../../bench/soak/fault-plan.ts';

const MINUTE_MS = 60_000;
const hour = { totalMs: 60 * MINUTE_MS, faultEveryMs: MINUTE_MS, blowEveryMs: 10 * MINUTE_MS };

test('plans the same for the same seed, and something else for another', () => {
  expect(planSoak({ ...hour, seed: 1 })).toEqual(planSoak({ ...hour, seed: 1 }));
  expect(planSoak({ ...hour, seed: 1 })).not.toEqual(planSoak({ ...hour, seed: 2 }));
});

test('plans a fault for each minute of an hour but the last, one after the other', () => {
  const { faults } = planSoak({ ...hour, seed: 3 });
  expect(faults.length).toBeGreaterThan(54);
  for (const [index, { atMs, forMs }] of faults.entries())
    expect(faults[index + 1]?.atMs ?? Number.POSITIVE_INFINITY).toBeGreaterThan(atMs + forMs);
  const last = faults.at(-1)!;
  expect(last.atMs + last.forMs).toBeLessThanOrEqual(hour.totalMs - 75_000);
});

test('kills the worker, and restarts Temporal, once in ten minutes', () => {
  const { blows } = planSoak({ ...hour, seed: 4 });
  const kills = blows.filter(({ blow }) => blow === 'kill the worker');
  expect(kills).toHaveLength(6);
  expect(blows.length - kills.length).toBeGreaterThanOrEqual(5);
  for (const [index, { atMs }] of kills.entries())
    expect(Math.floor(atMs / hour.blowEveryMs)).toBe(index);
});

test('meets every kind of fault in an hour', () => {
  const names = new Set(planSoak({ ...hour, seed: 5 }).faults.map(({ name }) => name));
  expect([...names].toSorted()).toEqual([
    'close',
    'garbage',
    'health',
    'mute',
    'refuse',
    'reset',
    'silent',
    'slow',
    'stall',
    'trickle',
  ]);
});
