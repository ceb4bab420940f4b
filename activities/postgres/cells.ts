import type { ColumnType } from '../../domain/value-format.ts';
import { readInt64, type CopyBuffer } from './copy-binary.ts';

/** Bytes of an array element that is a timestamp: its length, then 64 bits. */
const INSTANT_STRIDE = 12;

/**
 * Instants of one or of many channels, as microseconds since 2000-01-01. Channels on one grid share one object.
 *
 * @param arrived in the order in which the source sent them
 */
export class Instants {
  readonly arrived: Float64Array;
  /** Ascending. */
  readonly us: Float64Array;
  /** False when an instant stands there twice. */
  readonly isUnique: boolean;
  private readonly order: Int32Array | undefined;

  constructor(arrived: Float64Array) {
    this.arrived = arrived;
    this.isUnique = true;
    this.us = arrived;
    if (isAscending(arrived)) return;
    this.order = Int32Array.from(arrived.keys()).toSorted((a, b) => arrived[a]! - arrived[b]!);
    this.us = Float64Array.from(this.order, (index) => arrived[index]!);
    this.isUnique = isAscending(this.us);
  }

  /** Brings what belongs to the instants, in the order of their arrival, into ascending order. */
  inTimeOrder(fields: Int32Array): Int32Array {
    return this.order ? Int32Array.from(this.order, (index) => fields[index]!) : fields;
  }
}

function isAscending(us: Float64Array): boolean {
  for (let index = 1; index < us.length; index++) if (!(us[index - 1]! < us[index]!)) return false;
  return true;
}

/** Reads arrays of instants, and recognises one that has the bytes of the one before. */
export class InstantsReader {
  private last: { instants: Instants; at: number; bytes: number } | undefined;
  private readonly buffer: CopyBuffer;

  constructor(buffer: CopyBuffer) {
    this.buffer = buffer;
  }

  read(firstElement: number, count: number): Instants {
    const bytes = count * INSTANT_STRIDE;
    if (!this.equalsLast(firstElement, bytes)) {
      const us = new Float64Array(count);
      for (let index = 0; index < count; index++) {
        us[index] = readInt64(this.buffer.view, firstElement + index * INSTANT_STRIDE + 4);
      }
      this.last = { instants: new Instants(us), at: firstElement, bytes };
    }
    return this.last!.instants;
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
  instants: Instants;
  /** For each instant, where the value's field begins in the buffer: its length, then its bytes. */
  fields: Int32Array;
  nullInstants: Instants;
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
  read: number;
  plain: PlainCells[];
  odd: OddCell[];
  /** NULL cells of channels and formats that nothing else is known of; they have no row. */
  strayNulls: number;
}
