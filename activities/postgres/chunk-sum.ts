import { CellSum, columnSeed, instantSeed, type HashSeed } from '../../domain/cell-hash.ts';
import type { ColumnType } from '../../domain/value-format.ts';
import type { BookedChunk } from './book-cells.ts';
import { NULL_CELL, type Grid } from './cells.ts';
import type { CopyBuffer } from './copy-binary.ts';

/** The sum over all cells of a chunk that are to be written, from the bytes that were read. */
export function sumOfBooked({ buffer, written }: BookedChunk): CellSum {
  const sum = new CellSum();
  const seeds = new Map<Grid, HashSeed[]>();
  for (const { column, grid, fields } of written) {
    const seed = columnSeed(column.channel, column.type);
    let instantSeeds = seeds.get(grid);
    if (!instantSeeds) seeds.set(grid, (instantSeeds = Array.from(grid.us, seedOfInstant)));
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      if (field !== NULL_CELL)
        addField(sum, seed, instantSeeds[index]!, column.type, buffer, field);
    }
  }
  return sum;
}

/** @param us microseconds since 2000-01-01 */
export const seedOfInstant = (us: number): HashSeed =>
  instantSeed(Math.floor(us / 2 ** 32) | 0, us | 0);

/** Adds one field, which begins with its length and is not NULL. */
export function addField(
  sum: CellSum,
  column: HashSeed,
  instant: HashSeed,
  type: ColumnType,
  { bytes, view }: CopyBuffer,
  field: number,
): void {
  if (type === 'text') {
    sum.addBytes(column, instant, bytes.subarray(field + 4, field + 4 + view.getInt32(field)));
  } else if (type === 'boolean') {
    sum.addWords(column, instant, 0, bytes[field + 4]!);
  } else {
    sum.addWords(column, instant, view.getInt32(field + 4), view.getInt32(field + 8));
  }
}
