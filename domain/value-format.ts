/** The format names of ISO 19848 that the narrow table uses; each has its value column. */
export type ValueFormat = 'Decimal' | 'Integer' | 'Boolean' | 'String' | 'DateTime';

/** PostgreSQL types of the wide tables' columns. */
export type ColumnType = 'double precision' | 'bigint' | 'boolean' | 'text';

/** A DateTime has no column of its own in the narrow table: what `str_v` holds is kept as text. */
export const columnTypeOfFormat: Record<ValueFormat, ColumnType> = {
  Decimal: 'double precision',
  Integer: 'bigint',
  Boolean: 'boolean',
  String: 'text',
  DateTime: 'text',
};

export const isValueFormat = (text: string): text is ValueFormat =>
  Object.hasOwn(columnTypeOfFormat, text);

/**
 * The type that a channel's column gets, from the formats that probes met and how often.
 * Integer and Decimal mixed is Decimal; otherwise the most frequent format decides.
 *
 * @returns undefined where no probe met a known format: such a channel gets no column
 */
export function columnTypeOf(formats: ReadonlyMap<string, number>): ColumnType | undefined {
  const known = [...formats].filter((entry): entry is [ValueFormat, number] =>
    isValueFormat(entry[0]),
  );
  const votes = new Map<ColumnType, number>();
  for (const [format, count] of known) {
    const type = columnTypeOfFormat[format];
    votes.set(type, (votes.get(type) ?? 0) + count);
  }
  const decimals = votes.get('double precision');
  const integers = votes.get('bigint');
  if (decimals !== undefined && integers !== undefined) {
    votes.set('double precision', decimals + integers);
    votes.delete('bigint');
  }
  return [...votes].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}
