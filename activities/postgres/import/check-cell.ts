import { formatInstant, parseInstant } from '../../../domain/time.ts';
import type { NarrowColumn } from '../narrow-table.ts';

/** A field as CSV has it: NULL is empty and unquoted. */
export type Field = string | null;

/**
 * Checks one field and gives it the form that PostgreSQL reads.
 *
 * @throws {RangeError} a sentence that follows the column's name
 */
type Check = (field: string) => string;

const FORMAT_LENGTH = 50;

const checks: Record<NarrowColumn | 'id', Check> = {
  id: checkInteger,
  ship_id: checkText,
  data_channel_id: checkText,
  created_time: checkTimestamp,
  server_created_time: checkTimestamp,
  value_format: checkFormat,
  bool_v: checkBoolean,
  str_v: checkText,
  long_v: checkInteger,
  double_v: checkDouble,
};

const required = new Set<string>(['ship_id', 'data_channel_id', 'created_time']);

/** @throws {RangeError} when the field cannot stand in its column */
export function checkCell(column: NarrowColumn | 'id', field: Field): Field {
  if (field === null) {
    if (required.has(column)) throw new RangeError('is missing');
    return null;
  }
  if (field === '' && required.has(column)) throw new RangeError('is empty');
  return checks[column](field);
}

function checkText(text: string): string {
  if (text.includes('\0')) throw new RangeError('holds a NUL character');
  return text;
}

/** Any text that the column can hold: what a migration does not know it puts into quarantine, and counts. */
function checkFormat(text: string): string {
  if (text.length > FORMAT_LENGTH) {
    throw new RangeError(`has ${text.length} characters, expected at most ${FORMAT_LENGTH}`);
  }
  return checkText(text);
}

const PLAIN = /^\d{4}-\d\d-\d\d [01]\d:[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/;
let lastDay = '';

function checkTimestamp(text: string): string {
  if (/^[+-]?infinity$/i.test(text)) return text;
  const day = text.slice(0, 10);
  const isPlain = PLAIN.test(text);
  if (isPlain && day === lastDay) return text;
  const us = parseInstant(text);
  if (isPlain) lastDay = day;
  return formatInstant(us).replace('T', ' ').replace('Z', '');
}

const booleans = new Map<string, string>([
  ...['t', 'true', 'y', 'yes', 'on', '1'].map((text) => [text, 't'] as const),
  ...['f', 'false', 'n', 'no', 'off', '0'].map((text) => [text, 'f'] as const),
]);

function checkBoolean(text: string): string {
  const value = booleans.get(text.toLowerCase());
  if (value === undefined) throw new RangeError(`is ${show(text)}, expected true or false`);
  return value;
}

const SAFE_DIGITS = 15;
const [LEAST_INT8, MOST_INT8] = [-(2n ** 63n), 2n ** 63n - 1n];

function checkInteger(text: string): string {
  if (!/^[+-]?\d+$/.test(text)) throw new RangeError(`is ${show(text)}, expected a whole number`);
  if (text.length <= SAFE_DIGITS) return text;
  const value = BigInt(text.replace('+', ''));
  if (value < LEAST_INT8 || value > MOST_INT8) {
    throw new RangeError(`is ${show(text)}, which is beyond 64 bits`);
  }
  return text;
}

function checkDouble(text: string): string {
  if (/^(?:nan|[+-]?inf(?:inity)?)$/i.test(text)) return text;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text)) {
    throw new RangeError(`is ${show(text)}, expected a number`);
  }
  const value = Number(text);
  const vanished = value === 0 && /[1-9]/.test(text.replace(/e.*$/i, ''));
  if (vanished || !Number.isFinite(value)) {
    throw new RangeError(`is ${show(text)}, which is beyond double precision`);
  }
  return text;
}

const SHOWN = 40;
const show = (text: string): string =>
  JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
