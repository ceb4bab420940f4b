import type { ColumnType } from '../../domain/value-format.ts';
import type { CopyBuffer } from './copy-binary.ts';

const LONGEST_TEXT = 60;

/** A value for people to read, from the bytes of its field: a number exactly, a text in quotes and cut where it is long. */
export function fieldText(type: ColumnType, { bytes, view }: CopyBuffer, field: number): string {
  switch (type) {
    case 'double precision':
      return numberText(view.getFloat64(field + 4));
    case 'bigint':
      return String(view.getBigInt64(field + 4));
    case 'boolean':
      return String(view.getUint8(field + 4) === 1);
    case 'text':
      return quoted(bytes.toString('utf8', field + 4, field + 4 + view.getInt32(field)));
    default:
      return type satisfies never;
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

function quoted(text: string): string {
  const characters = Array.from(text);
  const rest = characters.length - LONGEST_TEXT;
  if (rest <= 0) return JSON.stringify(text);
  return `${JSON.stringify(characters.slice(0, LONGEST_TEXT).join(''))} and ${rest} characters more`;
}
