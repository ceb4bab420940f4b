import type { WrittenCells } from './book-cells.ts';
import { NULL_CELL, type Grid } from './cells.ts';
import { COPY_HEADER, COPY_TRAILER, type CopyBuffer } from './copy-binary.ts';

/** Cells that are pivoted at once: PostgreSQL takes in one block while the next is made. */
const CELLS_PER_BLOCK = 64 * 1024;

/** One wide table's share of a chunk. */
export interface WideRows {
  table: string;
  /** In the order of the COPY's column list, behind `created_time`. */
  columns: WrittenCells[];
  /** The instants of its rows, ascending, as microseconds since 2000-01-01. */
  rows: Float64Array;
}

/** Pivots: one row per instant at which any of a table's channels has a cell, be it NULL. */
export function wideRowsOf(written: readonly WrittenCells[]): WideRows[] {
  const tables = new Map<string, WrittenCells[]>();
  for (const cells of written) {
    const columns = tables.get(cells.column.table);
    if (columns) columns.push(cells);
    else tables.set(cells.column.table, [cells]);
  }
  return [...tables].map(([table, columns]) => ({ table, columns, rows: instantsOf(columns) }));
}

/** All different instants of some channels, ascending. */
export function instantsOf(columns: readonly WrittenCells[]): Float64Array {
  const distinct = new Set<Grid>(columns.map(({ grid }) => grid));
  const filled = [...distinct].filter(({ us }) => us.length > 0);
  if (filled.length === 1) return filled[0]!.us;
  return Float64Array.from(new Set(filled.flatMap(({ us }) => [...us]))).toSorted();
}

/** The rows as a binary COPY, block by block. */
export function* encodeWideRows(wide: WideRows, buffer: CopyBuffer): Generator<Buffer> {
  const rowOf = rowIndex(wide);
  const cursors = new Int32Array(wide.columns.length);
  const blockRows = Math.max(1, Math.floor(CELLS_PER_BLOCK / Math.max(1, wide.columns.length)));
  yield COPY_HEADER;
  for (let from = 0; from < wide.rows.length; from += blockRows) {
    const to = Math.min(from + blockRows, wide.rows.length);
    const block = placeCells(wide, buffer, rowOf, cursors, from, to);
    yield encodeBlock(wide, buffer, block, from, to);
  }
  yield COPY_TRAILER;
}

/** For each shared list of instants, which row each of them is. */
function rowIndex({ columns, rows }: WideRows): Map<Grid, Int32Array> {
  const rowOfInstant = new Map<number, number>();
  rows.forEach((us, row) => rowOfInstant.set(us, row));
  const index = new Map<Grid, Int32Array>();
  for (const { grid } of columns) {
    if (index.has(grid)) continue;
    index.set(
      grid,
      Int32Array.from(grid.us, (us) => rowOfInstant.get(us)!),
    );
  }
  return index;
}

interface Block {
  /** Where the field of (row, column) begins in the buffer. */
  fields: Int32Array;
  bytes: number;
}

function placeCells(
  { columns }: WideRows,
  { view }: CopyBuffer,
  rowOf: Map<Grid, Int32Array>,
  cursors: Int32Array,
  from: number,
  to: number,
): Block {
  const width = columns.length;
  const fields = new Int32Array((to - from) * width).fill(NULL_CELL);
  let bytes = (to - from) * (2 + 12 + 4 * width);
  for (let column = 0; column < width; column++) {
    const cells = columns[column]!;
    const rows = rowOf.get(cells.grid)!;
    let cursor = cursors[column]!;
    for (; cursor < rows.length && rows[cursor]! < to; cursor++) {
      const field = cells.fields[cursor]!;
      if (field === NULL_CELL) continue;
      fields[(rows[cursor]! - from) * width + column] = field;
      bytes += view.getInt32(field);
    }
    cursors[column] = cursor;
  }
  return { fields, bytes };
}

function encodeBlock(
  { columns, rows }: WideRows,
  { bytes: source, view }: CopyBuffer,
  { fields, bytes }: Block,
  from: number,
  to: number,
): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let at = 0;
  let cell = 0;
  for (let row = from; row < to; row++) {
    at = out.writeInt16BE(columns.length + 1, at);
    at = out.writeInt32BE(8, at);
    at = writeInt64(out, rows[row]!, at);
    for (let column = 0; column < columns.length; column++) {
      const field = fields[cell++]!;
      if (field === NULL_CELL) {
        out[at] = out[at + 1] = out[at + 2] = out[at + 3] = 0xff;
        at += 4;
      } else {
        // A loop, because a call for twelve bytes costs more than the bytes.
        const end = field + 4 + view.getInt32(field);
        for (let position = field; position < end; position++) out[at++] = source[position]!;
      }
    }
  }
  return out;
}

export function writeInt64(out: Buffer, value: number, at: number): number {
  out.writeInt32BE(Math.floor(value / 2 ** 32), at);
  return out.writeUInt32BE(value - Math.floor(value / 2 ** 32) * 2 ** 32, at + 4);
}
