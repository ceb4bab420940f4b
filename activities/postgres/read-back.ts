import type { ClientBase } from 'pg';
import { CellSum, columnSeed } from '../../domain/cell-hash.ts';
import type { WrittenCells } from './book-cells.ts';
import { addField, seedOfInstant } from './chunk-sum.ts';
import { isNull, type CopyBuffer } from './copy-binary.ts';
import type { ChunkKey } from './ledger.ts';
import { readWide, resolveTables } from './read-wide.ts';

export interface ReadBack {
  /** Over the cells that this chunk wrote. */
  sum: CellSum;
  /** Cells in the range that this chunk did not write. */
  foreign: number;
}

/**
 * Reads a range of a ship's wide tables and adds up what is there.
 *
 * @param written the cells that count as this chunk's own; without it, all do
 */
export async function readBack(
  client: ClientBase,
  key: ChunkKey,
  scratch: CopyBuffer,
  written?: readonly WrittenCells[],
): Promise<ReadBack> {
  const own = written && new Map(written.map((cells) => [cells.column.channel, cells.grid.us]));
  const result = { sum: new CellSum(), foreign: 0 };
  for (const [table, columns] of await resolveTables(client, key.ship)) {
    const seeds = columns.map(({ channel, type }) => columnSeed(channel, type));
    const owned = columns.map(({ channel }) => own?.get(channel));
    await readWide(client, table, columns, key, scratch, (us, fields) => {
      const instant = seedOfInstant(us);
      for (let index = 0; index < columns.length; index++) {
        const field = fields[index]!;
        if (isNull(scratch, field)) continue;
        if (own && indexOfInstant(owned[index], us) === -1) result.foreign++;
        else addField(result.sum, seeds[index]!, instant, columns[index]!.type, scratch, field);
      }
    });
  }
  return result;
}

/** Binary search in ascending instants; -1 where there is none. */
export function indexOfInstant(instants: Float64Array | undefined, us: number): number {
  let low = 0;
  let high = (instants?.length ?? 0) - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = instants![middle]!;
    if (found === us) return middle;
    if (found < us) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
