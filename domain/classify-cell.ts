import { columnTypeOfFormat, isValueFormat, type ColumnType } from './value-format.ts';

/** Why a cell is in `fairlead.quarantine` and not in a wide table. */
export const QUARANTINE_REASONS = [
  /** The value stands in a column that is not its format's. */
  'wrong-column',
  'two-values',
  'unknown-format',
  'missing-format',
  /** A value of another type than the channel's column. */
  'other-type',
  /** A number that the column's type cannot hold exactly. */
  'not-exact',
  /** The same value at the same instant once more. */
  'duplicate',
  /** Different values at the same instant: none of them is written. */
  'conflict',
] as const;

export type QuarantineReason = (typeof QUARANTINE_REASONS)[number];

/** Over this share of a channel's cells in quarantine, something is not right. */
export const EXCESSIVE_QUARANTINE = 0.01;

/** How a cell stands in the narrow table: its format, and which of its value columns are set. */
export interface CellForm {
  format: string | undefined;
  valueTypes: readonly ColumnType[];
}

/** `convert`: a number that goes to the other number type when that is exact. */
export type CellVerdict = 'null' | 'write' | 'convert' | QuarantineReason;

/**
 * Decides what becomes of one cell. A cell with no value is NULL whatever its format says.
 *
 * @param column the type of the channel's column; undefined for a channel that has none, because none of its
 *   cells bears a known format
 */
export function classifyCell(
  { format, valueTypes }: CellForm,
  column: ColumnType | undefined,
): CellVerdict {
  const [value] = valueTypes;
  if (value === undefined) return 'null';
  if (valueTypes.length > 1) return 'two-values';
  if (format === undefined) return 'missing-format';
  if (!isValueFormat(format)) return 'unknown-format';
  if (columnTypeOfFormat[format] !== value) return 'wrong-column';
  if (value === column) return 'write';
  return isNumber(value) && isNumber(column) ? 'convert' : 'other-type';
}

const isNumber = (type: ColumnType | undefined): boolean =>
  type === 'double precision' || type === 'bigint';
