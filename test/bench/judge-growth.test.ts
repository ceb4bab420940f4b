import { expect, test } from 'vitest';
import { faultsOfGrowth, growthOf, type ProcessSample } from '../../bench/soak/judge-growth.ts';

const life = (
  pid: number,
  seconds: number,
  at: (second: number) => Pick<ProcessSample, 'rssMiB' | 'descriptors'>,
): ProcessSample[] =>
  Array.from({ length: seconds / 5 }, (_, index) => ({
    atMs: index * 5_000,
    pid,
    ...at(index * 5),
  }));

const faults = (samples: readonly ProcessSample[]) => faultsOfGrowth('it', growthOf(samples));

test('finds nothing wrong with a process that warms up and then breathes', () => {
  const samples = life(7, 600, (second) => ({
    rssMiB: Math.min(150, 80 + 3 * second) + (second % 20),
    descriptors: 40 + (second % 3),
  }));
  expect(faults(samples)).toEqual([]);
});

test('takes one step up to a known level for no growth, and one beyond it for some', () => {
  const high = life(6, 600, () => ({ rssMiB: 190, descriptors: 40 }));
  const step = (to: number) =>
    life(7, 600, (second) => ({
      rssMiB: (second < 350 ? 165 : to) + (second % 7),
      descriptors: 40,
    }));
  expect(faults([...high, ...step(195)])).toEqual([]);
  expect(faults([...high, ...step(230)])).toEqual([
    expect.stringMatching(/process 7\) in 595 s ended \d+\.\d MiB above/),
  ]);
});

test('finds a leak of memory, and one of descriptors, in the life that has it', () => {
  const good = life(7, 600, () => ({ rssMiB: 150, descriptors: 40 }));
  const leaks = life(8, 600, (second) => ({ rssMiB: 150 + second / 10, descriptors: 40 }));
  const opens = life(9, 600, (second) => ({ rssMiB: 150, descriptors: 40 + second / 30 }));
  const found = faults([...good, ...leaks, ...opens]);
  expect(found).toHaveLength(3);
  expect(found[1]).toMatch(/it \(process 8\) in 595 s ended/);
  expect(found[0]).toMatch(/it \(process 8\) in 595 s grew by \d+\.\d MiB/);
  expect(found[2]).toMatch(/it \(process 9\) in 595 s opened \d+/);
});

test('judges no life that is too short to tell', () => {
  const samples = life(7, 60, (second) => ({ rssMiB: 80 + second * 2, descriptors: 40 + second }));
  expect(growthOf(samples)).toMatchObject([{ judged: false, samples: 12 }]);
  expect(faults(samples)).toEqual([]);
});
