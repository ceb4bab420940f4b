import { classifyCell, type QuarantineReason } from '../../domain/classify-cell.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { CellCounts } from '../../domain/migration.ts';
import type { ColumnType } from '../../domain/value-format.ts';
import type { ChannelColumn } from '../../domain/wide-layout.ts';
import {
  NULL_CELL,
  type ChunkCells,
  type Grid,
  type Grids,
  type OddCell,
  type PlainCells,
} from './cells.ts';
import type { CopyBuffer } from './copy-binary.ts';

/** Cells of one channel that go to its column, in time order. */
export interface WrittenCells {
  column: ChannelColumn;
  grid: Grid;
  /** Where each value's field begins in the buffer, or {@link NULL_CELL}: such an instant gets a row too. */
  fields: Int32Array;
  nulls: number;
}

export interface QuarantinedCell {
  cell: OddCell;
  reason: QuarantineReason;
}

/** A chunk's cells, each one booked exactly once. */
export interface BookedChunk {
  buffer: CopyBuffer;
  written: WrittenCells[];
  quarantined: QuarantinedCell[];
  counts: CellCounts;
}

/**
 * Decides for each cell of a chunk whether it is written, NULL, or quarantined, and adds them up.
 *
 * @throws {FairleadError} `proof-failed` when read is not written + nulls + quarantined
 */
export function bookCells(
  cells: ChunkCells,
  columns: ReadonlyMap<string, ChannelColumn>,
): BookedChunk {
  const { buffer } = cells;
  const isPlain = ({ channel, type }: PlainCells) => columns.get(channel)?.type === type;
  const written: WrittenCells[] = cells.plain
    .filter(isPlain)
    .map((plain) => ({ ...plain, column: columns.get(plain.channel)! }));
  const others = cells.plain
    .filter((plain) => !isPlain(plain))
    .flatMap((plain) => singly(plain, buffer));
  const quarantined: QuarantinedCell[] = [];
  let { strayNulls } = cells;
  for (const [channel, odd] of byChannel([...cells.odd, ...others])) {
    const booked = bookChannel(odd, columns.get(channel), cells);
    quarantined.push(...booked.quarantined);
    if (booked.written) written.push(booked.written);
    strayNulls += booked.strayNulls;
  }
  const counts = {
    read: cells.read,
    written: sumOf(written, ({ fields }) => countValues(fields)),
    nulls: strayNulls + sumOf(written, ({ nulls }) => nulls),
    quarantined: quarantined.length,
  };
  requireBalance(counts);
  return { buffer, written, quarantined, counts };
}

const sumOf = <T>(items: readonly T[], count: (item: T) => number): number =>
  items.reduce((sum, item) => sum + count(item), 0);

const countValues = (fields: Int32Array): number =>
  fields.reduce((count, field) => (field === NULL_CELL ? count : count + 1), 0);

function requireBalance({ read, written, nulls, quarantined }: CellCounts): void {
  if (read === written + nulls + quarantined) return;
  throw new FairleadError(
    'proof-failed',
    `${read} cells were read, but ${written} to write + ${nulls} NULL + ${quarantined} quarantined are ${written + nulls + quarantined}`,
  );
}

function byChannel(cells: readonly OddCell[]): Map<string, OddCell[]> {
  const channels = new Map<string, OddCell[]>();
  for (const cell of cells) {
    const members = channels.get(cell.channel);
    if (members) members.push(cell);
    else channels.set(cell.channel, [cell]);
  }
  return channels;
}

/** Plain cells of a channel whose column has another type, one by one. */
function singly(
  { channel, format, type, grid, fields }: PlainCells,
  buffer: CopyBuffer,
): OddCell[] {
  const nullField = buffer.appendNull();
  const noFields = {
    'double precision': nullField,
    bigint: nullField,
    boolean: nullField,
    text: nullField,
  };
  return Array.from(grid.us, (us, index): OddCell => {
    const field = fields[index]!;
    if (field === NULL_CELL) return { channel, us, format, fields: noFields, valueTypes: [] };
    return { channel, us, format, fields: { ...noFields, [type]: field }, valueTypes: [type] };
  });
}

interface BookedChannel {
  written: WrittenCells | undefined;
  quarantined: QuarantinedCell[];
  strayNulls: number;
}

interface Candidate {
  cell: OddCell;
  field: number;
}

function bookChannel(
  cells: OddCell[],
  column: ChannelColumn | undefined,
  { buffer, grids }: { buffer: CopyBuffer; grids: Grids },
): BookedChannel {
  const quarantined: QuarantinedCell[] = [];
  const candidates: Candidate[] = [];
  const nulls: number[] = [];
  for (const cell of cells) {
    const verdict = classifyCell(cell, column?.type);
    if (verdict === 'null') nulls.push(cell.us);
    else if (verdict === 'write')
      candidates.push({ cell, field: cell.fields[cell.valueTypes[0]!] });
    else if (verdict === 'convert') {
      const field = convertExactly(buffer, cell, column!.type);
      if (field === undefined) quarantined.push({ cell, reason: 'not-exact' });
      else candidates.push({ cell, field });
    } else quarantined.push({ cell, reason: verdict });
  }
  if (!column) return { written: undefined, quarantined, strayNulls: nulls.length };
  const fieldOf = new Map(nulls.map((us) => [us, NULL_CELL]));
  for (const { cell, field } of settleInstants(candidates, buffer, quarantined))
    fieldOf.set(cell.us, field);
  const grid = grids.of(fieldOf.keys());
  const fields = Int32Array.from(grid.us, (us) => fieldOf.get(us)!);
  return { written: { column, grid, fields, nulls: nulls.length }, quarantined, strayNulls: 0 };
}

/** One cell an instant: of equal ones the first, of different ones none, so that a second run decides the same. */
function settleInstants(
  candidates: Candidate[],
  buffer: CopyBuffer,
  quarantined: QuarantinedCell[],
): Candidate[] {
  const sorted = candidates.toSorted((a, b) => a.cell.us - b.cell.us);
  const settled: Candidate[] = [];
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    while (to < sorted.length && sorted[to]!.cell.us === sorted[from]!.cell.us) to++;
    const [first, ...others] = sorted.slice(from, to) as [Candidate, ...Candidate[]];
    const areEqual = others.every(({ field }) => fieldsAreEqual(buffer, field, first.field));
    if (areEqual) settled.push(first);
    else quarantined.push({ cell: first.cell, reason: 'conflict' });
    const reason = areEqual ? 'duplicate' : 'conflict';
    quarantined.push(...others.map(({ cell }) => ({ cell, reason }) as const));
  }
  return settled;
}

function fieldsAreEqual({ bytes, view }: CopyBuffer, a: number, b: number): boolean {
  const length = view.getInt32(a);
  return (
    length === view.getInt32(b) && bytes.compare(bytes, a, a + 4 + length, b, b + 4 + length) === 0
  );
}

/** A number in the column's type, appended to the buffer; undefined where that would change it. */
function convertExactly(buffer: CopyBuffer, cell: OddCell, type: ColumnType): number | undefined {
  const at = cell.fields[cell.valueTypes[0]!] + 4;
  if (type === 'double precision') {
    const integer = buffer.view.getBigInt64(at);
    const double = Number(integer);
    if (BigInt(double) !== integer) return undefined;
    return buffer.appendField8((view, position) => view.setFloat64(position, double));
  }
  const double = buffer.view.getFloat64(at);
  const isExact =
    Number.isInteger(double) && !Object.is(double, -0) && double >= -(2 ** 63) && double < 2 ** 63;
  if (!isExact) return undefined;
  return buffer.appendField8((view, position) => view.setBigInt64(position, BigInt(double)));
}
