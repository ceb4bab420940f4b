import type { ClientBase } from 'pg';
import { CellSum, columnSeed } from '../../domain/cell-hash.ts';
import type { WrittenCells } from './book-cells.ts';
import { NULL_CELL } from './cells.ts';
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
  const own = written && new Map(written.map((cells) => [cells.column.channel, cells]));
  const result = { sum: new CellSum(), foreign: 0 };
  for (const [table, columns] of await resolveTables(client, key.ship)) {
    const seeds = columns.map(({ channel, type }) => columnSeed(channel, type));
    const owned = columns.map(({ channel }) => own?.get(channel));
    await readWide(client, table, columns, key, scratch, (us, fields) => {
      const instant = seedOfInstant(us);
      for (let index = 0; index < columns.length; index++) {
        const field = fields[index]!;
        if (isNull(scratch, field)) continue;
        if (own && fieldAt(owned[index], us) === NULL_CELL) result.foreign++;
        else addField(result.sum, seeds[index]!, instant, columns[index]!.type, scratch, field);
      }
    });
  }
  return result;
}

/** Where the field of a channel's cell at an instant begins; {@link NULL_CELL} where it has no value. */
export function fieldAt(cells: WrittenCells | undefined, us: number): number {
  const index = cells ? cells.grid.indexOf(us) : -1;
  return index === -1 ? NULL_CELL : cells!.fields[index]!;
}
