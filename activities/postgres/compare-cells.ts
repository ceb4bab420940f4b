import type { ClientBase } from 'pg';
import { formatInstant } from '../../domain/time.ts';
import { MAX_DIFFERENCES, noDifference, type ComparisonSums } from '../../domain/verification.ts';
import type { BookedChunk, WrittenCells } from './book-cells.ts';
import { NULL_CELL } from './cells.ts';
import { POSTGRES_EPOCH_US, isNull, type CopyBuffer } from './copy-binary.ts';
import type { ChunkKey } from './ledger.ts';
import { readWide, resolveTables } from './read-wide.ts';

/** Compares a chunk cell by cell; what it keeps is a bit per cell of the source. */
export async function compareCells(
  client: ClientBase,
  key: ChunkKey,
  booked: BookedChunk,
  scratch: CopyBuffer,
): Promise<ComparisonSums> {
  const result = noDifference();
  const note = (channel: string, us: number, what: string) => {
    if (result.differences.length >= MAX_DIFFERENCES) return;
    result.differences.push(
      `${key.ship} ${channel} ${formatInstant(us + POSTGRES_EPOCH_US)}: ${what}`,
    );
  };
  const expected = new Map(booked.written.map((cells) => [cells.column.channel, seenNone(cells)]));
  for (const [table, columns] of await resolveTables(client, key.ship)) {
    const owners = columns.map(({ channel }) => expected.get(channel));
    await readWide(client, table, columns, key, scratch, (us, fields) => {
      for (let index = 0; index < columns.length; index++) {
        if (isNull(scratch, fields[index]!)) continue;
        const verdict = compareCell(owners[index], us, booked.buffer, scratch, fields[index]!);
        result[verdict]++;
        if (verdict !== 'matched')
          note(columns[index]!.channel, us, verdict === 'extra' ? 'only in the target' : 'differs');
      }
    });
  }
  for (const { cells, seen } of expected.values()) {
    cells.grid.us.forEach((us, index) => {
      if (seen[index] || cells.fields[index] === NULL_CELL) return;
      result.missing++;
      note(cells.column.channel, us, 'not in the target');
    });
  }
  return result;
}

interface Expected {
  cells: WrittenCells;
  seen: Uint8Array;
}

const seenNone = (cells: WrittenCells): Expected => ({
  cells,
  seen: new Uint8Array(cells.fields.length),
});

function compareCell(
  expected: Expected | undefined,
  us: number,
  source: CopyBuffer,
  target: CopyBuffer,
  field: number,
): 'matched' | 'different' | 'extra' {
  const index = expected ? expected.cells.grid.indexOf(us) : -1;
  const own = index === -1 ? NULL_CELL : expected!.cells.fields[index]!;
  if (own === NULL_CELL) return 'extra';
  expected!.seen[index] = 1;
  const ownBytes = source.bytes.subarray(own, own + 4 + source.view.getInt32(own));
  const isEqual = ownBytes.equals(
    target.bytes.subarray(field, field + 4 + target.view.getInt32(field)),
  );
  return isEqual ? 'matched' : 'different';
}
