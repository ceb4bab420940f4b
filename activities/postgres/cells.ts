import type { ColumnType } from '../../domain/value-format.ts';
import { readInt64, type CopyBuffer } from './copy-binary.ts';

/** Bytes of an array element that is a timestamp: its length, then 64 bits. */
const INSTANT_STRIDE = 12;
/** Stands for a NULL cell among positions in a buffer: it has a row, and no bytes. */
export const NULL_CELL = -1;

/** Different instants, ascending, as microseconds since 2000-01-01; channels on one grid share one object. */
export class Grid {
  readonly us: Float64Array;
  private positions: Map<number, number> | undefined;

  constructor(ascending: Float64Array) {
    this.us = ascending;
  }

  /** -1 where the grid has no such instant. */
  indexOf(us: number): number {
    this.positions ??= new Map(Array.from(this.us, (instant, position) => [instant, position]));
    return this.positions.get(us) ?? -1;
  }
}

/** The instants of a channel's cells as the source sent them, in the order of its disk. */
export interface Arrival {
  us: Float64Array;
  /** Undefined when an instant stands there twice. */
  grid: Grid | undefined;
}

/** Brings what belongs to arrived instants into the order of their grid. */
export function inGridOrder({ us, grid }: Arrival, fields: Int32Array): Int32Array {
  if (!grid || us === grid.us) return fields;
  const sorted = new Int32Array(fields.length);
  us.forEach((instant, index) => (sorted[grid.indexOf(instant)] = fields[index]!));
  return sorted;
}

/** Finds the grids of a chunk, so that what is true of a thousand channels is worked out once. */
export class Grids {
  private readonly known = new Map<string, Grid[]>();
  private lastJoined: { earlier: Grid; later: Grid; grid: Grid } | undefined;

  arrive(us: Float64Array): Arrival {
    const isInOrder = isAscending(us);
    const sorted = isInOrder ? us : us.toSorted();
    if (!isInOrder && !isAscending(sorted)) return { us, grid: undefined };
    const grid = this.share(sorted);
    return { us: isInOrder ? grid.us : us, grid };
  }

  /** @param us different instants, in any order */
  of(us: Iterable<number>): Grid {
    return this.share(Float64Array.from(us).toSorted());
  }

  /** @param later begins after the other has ended */
  join(earlier: Grid, later: Grid): Grid {
    if (this.lastJoined?.earlier !== earlier || this.lastJoined.later !== later) {
      const us = new Float64Array(earlier.us.length + later.us.length);
      us.set(earlier.us);
      us.set(later.us, earlier.us.length);
      this.lastJoined = { earlier, later, grid: this.share(us) };
    }
    return this.lastJoined.grid;
  }

  private share(ascending: Float64Array): Grid {
    const key = `${ascending.length} ${ascending[0]} ${ascending.at(-1)} ${ascending.reduce((sum, us) => sum + us, 0)}`;
    const alike = this.known.get(key) ?? [];
    const found = alike.find(({ us }) =>
      us.every((instant, index) => instant === ascending[index]),
    );
    if (found) return found;
    const grid = new Grid(ascending);
    this.known.set(key, [...alike, grid]);
    return grid;
  }
}

function isAscending(us: Float64Array): boolean {
  for (let index = 1; index < us.length; index++) if (!(us[index - 1]! < us[index]!)) return false;
  return true;
}

/** Reads arrays of instants, and recognises one that has the bytes of the one before. */
export class ArrivalReader {
  private last: { arrival: Arrival; at: number; bytes: number } | undefined;
  private readonly buffer: CopyBuffer;
  private readonly grids: Grids;

  constructor(buffer: CopyBuffer, grids: Grids) {
    this.buffer = buffer;
    this.grids = grids;
  }

  read(firstElement: number, count: number): Arrival {
    const bytes = count * INSTANT_STRIDE;
    if (!this.equalsLast(firstElement, bytes)) {
      const us = new Float64Array(count);
      for (let index = 0; index < count; index++) {
        us[index] = readInt64(this.buffer.view, firstElement + index * INSTANT_STRIDE + 4);
      }
      this.last = { arrival: this.grids.arrive(us), at: firstElement, bytes };
    }
    return this.last!.arrival;
  }

  private equalsLast(at: number, bytes: number): boolean {
    const { last, buffer } = this;
    return (
      last?.bytes === bytes &&
      buffer.bytes.compare(buffer.bytes, last.at, last.at + bytes, at, at + bytes) === 0
    );
  }
}

/** Cells of one channel that stand in the narrow table as they should, all of one format. */
export interface PlainCells {
  channel: string;
  format: string;
  type: ColumnType;
  grid: Grid;
  /** For each instant of the grid, where the value's field begins in the buffer, or {@link NULL_CELL}. */
  fields: Int32Array;
  nulls: number;
}

/** One cell of a channel that needs a closer look: odd, mixed, or twice at one instant. */
export interface OddCell {
  channel: string;
  us: number;
  format: string | undefined;
  /** Where the value columns' fields begin, by type. */
  fields: Record<ColumnType, number>;
  valueTypes: ColumnType[];
}

/** Everything that the narrow table holds of a ship's chunk, counted while it was read. */
export interface ChunkCells {
  buffer: CopyBuffer;
  grids: Grids;
  read: number;
  plain: PlainCells[];
  odd: OddCell[];
  /** NULL cells of channels and formats that nothing else is known of; they have no row. */
  strayNulls: number;
}
