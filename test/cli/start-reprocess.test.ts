import { expect, test } from 'vitest';
import { openParts, rangesByShip } from '../../cli/start-reprocess.ts';
import type { FailedRange } from '../../domain/post-proc.ts';

const of = (ship: string, fromUs: number, toUs: number): FailedRange => ({ ship, fromUs, toUs });

test('brings the ranges of a file together, ship by ship', () => {
  const ranges = [of('A', 4, 6), of('B', 0, 9), of('A', 0, 2), of('A', 5, 8), of('A', 4, 6)];
  expect(rangesByShip(ranges)).toEqual([
    {
      ship: 'A',
      spans: [
        { fromUs: 0, toUs: 2 },
        { fromUs: 4, toUs: 8 },
      ],
    },
    { ship: 'B', spans: [{ fromUs: 0, toUs: 9 }] },
  ]);
});

test('takes a thousand separate ranges of a ship, and tells to split more', () => {
  const apart = (count: number) =>
    Array.from({ length: count }, (_, n) => of('A', 2 * n, 2 * n + 1));
  expect(rangesByShip(apart(1_000))[0]!.spans).toHaveLength(1_000);
  expect(() => rangesByShip(apart(1_001))).toThrow(
    'A has 1001 separate ranges, at most 1000 go at once',
  );
});

test('leaves what the proofs of the same ship leave', () => {
  const ships = rangesByShip([of('A', 0, 10), of('B', 0, 10)]);
  const proofs = [of('A', 4, 6), of('A', 2, 4), of('B', 0, 10)];
  expect(openParts(ships, proofs)).toEqual([of('A', 0, 2), of('A', 6, 10)]);
});
