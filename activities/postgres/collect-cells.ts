import { columnTypeOfFormat, isValueFormat, type ColumnType } from '../../domain/value-format.ts';
import {
  ArrivalReader,
  Grids,
  NULL_CELL,
  inGridOrder,
  type Arrival,
  type ChunkCells,
  type OddCell,
  type PlainCells,
} from './cells.ts';
import {
  TupleScanner,
  arrayField,
  fieldText,
  isNull,
  readInt64,
  type CopyBuffer,
} from './copy-binary.ts';

/** The value columns in the order in which they are read. */
const VALUE_TYPES: readonly ColumnType[] = ['double precision', 'bigint', 'boolean', 'text'];

export interface CollectedCells extends ChunkCells {
  /** Channels in which not every cell is plainly as its format says: they are to be read again, cell by cell. */
  oddChannels: Set<string>;
}

/**
 * Takes apart what came as one row per channel and format.
 *
 * @param spans where in the buffer each COPY begins; each is of a time after the one before
 */
export function collectGroups(buffer: CopyBuffer, spans: readonly number[]): CollectedCells {
  const collection = new Collection(buffer);
  for (const headerAt of spans) collection.add(headerAt);
  return collection.result();
}

class Collection {
  private readonly buffer: CopyBuffer;
  private readonly grids = new Grids();
  private readonly plain = new Map<string, PlainCells>();
  private readonly strayNulls = new Map<string, number>();
  private readonly oddChannels = new Set<string>();
  private read = 0;

  constructor(buffer: CopyBuffer) {
    this.buffer = buffer;
  }

  add(headerAt: number): void {
    const arrivals = new ArrivalReader(this.buffer, this.grids);
    const scanner = new TupleScanner(this.buffer, 9, headerAt);
    const plain = new Map<string, PlainCells>();
    while (scanner.next()) this.sort(readGroup(this.buffer, scanner.fields, arrivals), plain);
    for (const [channel, cells] of plain) this.append(channel, cells);
  }

  result(): CollectedCells {
    const { buffer, grids, read, oddChannels } = this;
    // What is read again cell by cell must not count twice.
    for (const channel of oddChannels) {
      this.plain.delete(channel);
      this.strayNulls.delete(channel);
    }
    const strayNulls = [...this.strayNulls.values()].reduce((sum, count) => sum + count, 0);
    return {
      buffer,
      grids,
      read,
      plain: [...this.plain.values()],
      odd: [],
      strayNulls,
      oddChannels,
    };
  }

  private sort(group: Group, plain: Map<string, PlainCells>): void {
    const { channel, count } = group;
    this.read += count;
    if (isStrayNulls(group)) {
      this.strayNulls.set(channel, (this.strayNulls.get(channel) ?? 0) + count);
      return;
    }
    const cells = plain.has(channel) ? undefined : plainCellsOf(this.buffer, group);
    if (cells) plain.set(channel, cells);
    else this.oddChannels.add(channel);
  }

  private append(channel: string, cells: PlainCells): void {
    const before = this.plain.get(channel);
    if (!before) this.plain.set(channel, cells);
    else if (before.format === cells.format)
      this.plain.set(channel, joined(before, cells, this.grids));
    else this.oddChannels.add(channel);
  }
}

/** @param later of a time after the other's */
function joined(earlier: PlainCells, later: PlainCells, grids: Grids): PlainCells {
  const fields = new Int32Array(earlier.fields.length + later.fields.length);
  fields.set(earlier.fields);
  fields.set(later.fields, earlier.fields.length);
  return {
    ...earlier,
    grid: grids.join(earlier.grid, later.grid),
    fields,
    nulls: earlier.nulls + later.nulls,
  };
}

interface Group {
  channel: string;
  format: string | undefined;
  count: number;
  instants: Arrival;
  values: { type: ColumnType; count: number; firstElement: number }[];
  nulls: Arrival;
}

function readGroup(buffer: CopyBuffer, fields: Int32Array, arrivals: ArrivalReader): Group {
  const times = arrayField(buffer, fields[3]!);
  const nulls = arrayField(buffer, fields[8]!);
  return {
    channel: fieldText(buffer, fields[0]!)!,
    format: fieldText(buffer, fields[1]!),
    count: readInt64(buffer.view, fields[2]! + 4),
    instants: arrivals.read(times.firstElement, times.count),
    values: VALUE_TYPES.map((type, index) => ({
      type,
      ...arrayField(buffer, fields[4 + index]!),
    })).filter(({ count }) => count > 0),
    nulls: arrivals.read(nulls.firstElement, nulls.count),
  };
}

/** No value, and no format that would tell a column: nothing to write, and no row to write it to. */
const isStrayNulls = ({ format, count, nulls }: Group): boolean =>
  nulls.us.length === count && !(format !== undefined && isValueFormat(format));

/** The group's cells, when each one is plainly as its format says; undefined when any of them needs a closer look. */
function plainCellsOf(buffer: CopyBuffer, group: Group): PlainCells | undefined {
  const { channel, format, count, instants, nulls, values } = group;
  if (format === undefined || !isValueFormat(format) || !instants.grid) return undefined;
  const type = columnTypeOfFormat[format];
  const [value = { type, count: 0, firstElement: 0 }] = values;
  const asItShould =
    values.length <= 1 && value.type === type && value.count + nulls.us.length === count;
  if (!asItShould) return undefined;
  const fields = inGridOrder(instants, fieldsOf(buffer, instants.us, nulls.us, value.firstElement));
  return { channel, format, type, grid: instants.grid, fields, nulls: nulls.us.length };
}

/** Arrays keep the order of the rows, so the values belong to the instants that are not among the NULL cells. */
function fieldsOf(
  buffer: CopyBuffer,
  instants: Float64Array,
  nullInstants: Float64Array,
  firstElement: number,
): Int32Array {
  const fields = new Int32Array(instants.length);
  let at = firstElement;
  let nulls = 0;
  for (let index = 0; index < fields.length; index++) {
    if (nulls < nullInstants.length && instants[index] === nullInstants[nulls]) {
      fields[index] = NULL_CELL;
      nulls++;
    } else {
      fields[index] = at;
      at += 4 + buffer.view.getInt32(at);
    }
  }
  return fields;
}

/** Cells that were read one by one. */
export function* collectSingles(buffer: CopyBuffer, headerAt: number): Generator<OddCell> {
  const scanner = new TupleScanner(buffer, 7, headerAt);
  while (scanner.next()) {
    const [channel, us, format, double, long, bool, text] = scanner.fields as unknown as number[];
    const fields = { 'double precision': double!, bigint: long!, boolean: bool!, text: text! };
    yield {
      channel: fieldText(buffer, channel!)!,
      us: readInt64(buffer.view, us! + 4),
      format: fieldText(buffer, format!),
      fields,
      valueTypes: VALUE_TYPES.filter((type) => !isNull(buffer, fields[type])),
    };
  }
}
