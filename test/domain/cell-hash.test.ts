import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CellSum, columnSeed, hashBytes, instantSeed } from '../../domain/cell-hash.ts';
import type { ColumnType } from '../../domain/value-format.ts';

interface Cell {
  channel: string;
  type: ColumnType;
  /** The instant's 32-bit halves. */
  instant: [high: number, low: number];
  value: [high: number, low: number] | Uint8Array;
}

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const words = fc.tuple(word, word);
const anyCell: fc.Arbitrary<Cell> = fc.oneof(
  fc.record({
    channel: fc.string({ maxLength: 6 }),
    type: fc.constantFrom<ColumnType>('double precision', 'bigint'),
    instant: words,
    value: words,
  }),
  fc.record({
    channel: fc.string({ maxLength: 6 }),
    type: fc.constant<ColumnType>('text'),
    instant: words,
    value: fc.uint8Array({ maxLength: 12 }),
  }),
);

const keyOf = (cell: Cell) => JSON.stringify([cell.channel, cell.type, cell.instant]);
const differentCells = (count: { minLength: number; maxLength?: number }) =>
  fc.uniqueArray(anyCell, { selector: keyOf, ...count });

function sumOf(cells: readonly Cell[]): CellSum {
  const sum = new CellSum();
  for (const { channel, type, instant, value } of cells) {
    const column = columnSeed(channel, type);
    if (value instanceof Uint8Array) sum.addBytes(column, instantSeed(...instant), value);
    else sum.addWords(column, instantSeed(...instant), ...value);
  }
  return sum;
}

const checksumOf = (cells: readonly Cell[]) => sumOf(cells).checksum;

describe('a sum of cell hashes', () => {
  it('does not depend on the order of the cells', () => {
    const shuffled = differentCells({ minLength: 0 }).chain((cells) =>
      fc.tuple(
        fc.constant(cells),
        fc.shuffledSubarray(cells, { minLength: cells.length, maxLength: cells.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([cells, other]) => {
        expect(checksumOf(other)).toBe(checksumOf(cells));
      }),
    );
  });

  it('is the sum over its parts', () => {
    fc.assert(
      fc.property(differentCells({ minLength: 0 }), fc.nat(), (cells, cut) => {
        const at = cut % (cells.length + 1);
        const total = sumOf(cells.slice(0, at));
        total.addSum(sumOf(cells.slice(at)));
        expect(total.checksum).toBe(checksumOf(cells));
        expect(total.cells).toBe(cells.length);
      }),
    );
  });

  it('is the same again after it was written down', () => {
    fc.assert(
      fc.property(differentCells({ minLength: 0 }), (cells) => {
        const { checksum } = sumOf(cells);
        const again = CellSum.of(checksum, cells.length);
        expect(again.checksum).toBe(checksum);
        expect(again.cells).toBe(cells.length);
        expect(checksum).toMatch(/^[0-9a-f]{16}$/);
      }),
    );
  });

  it('notices a cell that is left out, or there twice', () => {
    fc.assert(
      fc.property(differentCells({ minLength: 1 }), (cells) => {
        expect(checksumOf(cells.slice(1))).not.toBe(checksumOf(cells));
        expect(checksumOf([cells[0]!, ...cells])).not.toBe(checksumOf(cells));
        // Exclusive or would not notice these two.
        expect(checksumOf([cells[0]!, cells[0]!])).not.toBe(checksumOf([]));
      }),
    );
  });

  it('notices any single bit', () => {
    const cell = anyCell.filter(({ value }) => value.length > 0);
    fc.assert(
      fc.property(cell, fc.nat(), (original, choice) => {
        const { value } = original;
        const bit = value instanceof Uint8Array ? choice % 8 : choice % 32;
        const index = choice % value.length;
        const flipped = value.slice() as typeof value;
        flipped[index]! ^= 1 << bit;
        expect(checksumOf([{ ...original, value: flipped }])).not.toBe(checksumOf([original]));
      }),
    );
  });

  it('notices two values that changed places', () => {
    const pair = fc
      .tuple(anyCell, anyCell)
      .filter(
        ([a, b]) =>
          keyOf(a) !== keyOf(b) &&
          a.value instanceof Uint8Array === b.value instanceof Uint8Array &&
          JSON.stringify(a.value) !== JSON.stringify(b.value),
      );
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const swapped = [
          { ...a, value: b.value },
          { ...b, value: a.value },
        ];
        expect(checksumOf(swapped)).not.toBe(checksumOf([a, b]));
      }),
    );
  });

  it.each<[string, Partial<Cell>]>([
    ['another channel', { channel: '/b' }],
    ['another type', { type: 'bigint' }],
    ['another instant', { instant: [1, 3] }],
    ['the halves of its instant changed over', { instant: [2, 1] }],
    ['the halves of its value changed over', { value: [4, 3] }],
  ])('notices %s', (_what, change) => {
    const cell: Cell = { channel: '/a', type: 'double precision', instant: [1, 2], value: [3, 4] };
    expect(checksumOf([{ ...cell, ...change }])).not.toBe(checksumOf([cell]));
  });

  it('notices columns that changed places, over a whole grid of equal differences', () => {
    const grid = (names: [string, string]): Cell[] =>
      Array.from({ length: 100 }, (_, row) => row).flatMap((row): Cell[] => [
        { channel: names[0], type: 'bigint', instant: [0, row], value: [0, row] },
        { channel: names[1], type: 'bigint', instant: [0, row], value: [0, row + 1] },
      ]);
    expect(checksumOf(grid(['/a', '/b']))).not.toBe(checksumOf(grid(['/b', '/a'])));
  });

  it('does not add up to nothing, nor to less cells, when it overflows', () => {
    const sum = CellSum.of('ffffffffffffffff', 1);
    sum.addSum(CellSum.of('0000000000000001', 1));
    expect(sum).toMatchObject({ checksum: '0000000000000000', cells: 2 });
    sum.addSum(CellSum.of('00000001ffffffff', 1));
    sum.addSum(CellSum.of('0000000000000001', 1));
    expect(sum.checksum).toBe('0000000200000000');
  });

  it('spreads over both halves: 20,000 neighbouring cells have 20,000 hashes in each', () => {
    const column = columnSeed('/hs4sd_v1/me01/fuel/oil//in_c/temp', 'double precision');
    const hashes = Array.from({ length: 20_000 }, (_, index) => {
      const sum = new CellSum();
      sum.addWords(column, instantSeed(0, index * 15_000_000), 0x40590000, 0);
      return sum.checksum;
    });
    expect(new Set(hashes).size).toBe(20_000);
    // By chance, 20,000 draws of 32 bits collide 0.05 times.
    for (const half of [0, 8]) {
      expect(new Set(hashes.map((hash) => hash.slice(half, half + 8))).size).toBeGreaterThan(
        19_995,
      );
    }
  });
});

it('hashes of texts tell a byte from none, and the empty text too', () => {
  const seed = { first: 1, second: 2 };
  const texts = ['', '\0', '\0\0', 'a', 'a\0', '\0a'];
  const hashes = texts.map((text) => hashBytes(seed, new TextEncoder().encode(text)));
  expect(new Set(hashes.map(({ first, second }) => `${first} ${second}`)).size).toBe(texts.length);
});
