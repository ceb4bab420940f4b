import type { ClientBase } from 'pg';
import type { Difference } from '../../domain/migration.ts';
import { formatInstant } from '../../domain/time.ts';
import { MAX_DIFFERENCES, noDifference, type ComparisonSums } from '../../domain/verification.ts';
import type { BookedChunk, WrittenCells } from './book-cells.ts';
import { NULL_CELL } from './cells.ts';
import { POSTGRES_EPOCH_US, isNull, type CopyBuffer } from './copy-binary.ts';
import type { ChunkKey } from './ledger.ts';
import { fieldText } from './field-text.ts';
import { fieldAt } from './read-back.ts';
import { readWide, resolveTables } from './read-wide.ts';

/** Compares a chunk cell by cell; what it keeps is a bit per cell of the source. */
export async function compareCells(
  client: ClientBase,
  key: ChunkKey,
  booked: BookedChunk,
  scratch: CopyBuffer,
): Promise<ComparisonSums> {
  const result = noDifference();
  const first = new FirstDifferences();
  const expected = new Map(booked.written.map((cells) => [cells.column.channel, seenNone(cells)]));
  for (const [table, columns] of await resolveTables(client, key.ship)) {
    const owners = columns.map(({ channel }) => expected.get(channel));
    await readWide(client, table, columns, key, scratch, (us, fields) => {
      for (let index = 0; index < columns.length; index++) {
        if (isNull(scratch, fields[index]!)) continue;
        const { channel, type } = columns[index]!;
        const verdict = compareCell(owners[index], us, booked.buffer, scratch, fields[index]!);
        result[verdict]++;
        if (verdict !== 'matched')
          first.note(channel, us, () => {
            const target = fieldText(type, scratch, fields[index]!);
            if (verdict === 'extra') return `only in the target: ${target}`;
            return `differs: source ${sourceText(owners[index]!.cells, us, booked)}, target ${target}`;
          });
      }
    });
  }
  for (const { cells, seen } of expected.values()) {
    cells.grid.us.forEach((us, index) => {
      if (seen[index] || cells.fields[index] === NULL_CELL) return;
      result.missing++;
      const what = () => `not in the target: source ${sourceText(cells, us, booked)}`;
      first.note(cells.column.channel, us, what);
    });
  }
  return { ...result, differences: first.differences };
}

/** The earliest differences of all that are noted. */
class FirstDifferences {
  private readonly noted: { us: number; channel: string; what: string }[] = [];

  /** @param what is asked only when the difference is among the first */
  note(channel: string, us: number, what: () => string): void {
    const isLater = (other: { us: number; channel: string }) =>
      other.us > us || (other.us === us && other.channel > channel);
    const last = this.noted[MAX_DIFFERENCES - 1];
    if (last && !isLater(last)) return;
    const place = this.noted.findIndex(isLater);
    const at = place === -1 ? this.noted.length : place;
    this.noted.splice(at, 0, { us, channel, what: what() });
    this.noted.splice(MAX_DIFFERENCES);
  }

  get differences(): Difference[] {
    return this.noted.map(({ us, channel, what }) => ({
      at: formatInstant(us + POSTGRES_EPOCH_US),
      channel,
      what,
    }));
  }
}

const sourceText = (cells: WrittenCells, us: number, { buffer }: BookedChunk): string =>
  fieldText(cells.column.type, buffer, fieldAt(cells, us));

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
