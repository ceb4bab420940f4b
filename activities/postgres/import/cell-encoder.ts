import { Transform, type TransformCallback } from 'node:stream';
import { CsvError, parse, type Options, type Parser } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { narrowColumnNames } from '../narrow-table.ts';
import { checkCell, type Field } from './check-cell.ts';
import { invalid } from './check-utf8.ts';
import { readHeader, type HeaderColumn } from './read-header.ts';

/** The columns of what {@link cellParser} makes: the line in the file, then the narrow table's. */
export const stagedColumns = ['line', ...narrowColumnNames] as const;

const SHOWN_ROWS = 20;
const MAX_RECORD_BYTES = 4 * 1024 * 1024;

/** Rows that cannot be imported, and how many more there are. */
export class BadRows {
  readonly #shown: string[] = [];
  count = 0;

  add(line: number, message: string): void {
    this.count++;
    if (this.#shown.length < SHOWN_ROWS) this.#shown.push(`  line ${line}: ${message}`);
  }

  throwIfAny(cause?: unknown): void {
    if (this.count === 0) return;
    const rest = this.count - this.#shown.length;
    const more = rest > 0 ? [`  and ${rest} more`] : [];
    const rows = this.count === 1 ? '1 bad row' : `${this.count} bad rows`;
    throw invalid([`${rows}, none imported`, ...this.#shown, ...more].join('\n'), {
      hint: 'correct these lines, then import the file again',
      cause,
    });
  }
}

/**
 * A CSV parser whose records are lines of COPY's text format. Bad rows are noted and left out; a record may
 * have 4 MiB, so that a quote that is never closed does not collect the file in memory.
 */
export function cellParser(badRows: BadRows): Parser {
  let header: HeaderColumn[] | undefined;
  return parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: MAX_RECORD_BYTES,
    raw: true,
    on_record: (parsed, { lines }) => {
      const { raw, record } = parsed as unknown as { raw: string; record: string[] };
      const fields = raw.includes('""') ? readQuoted(raw) : record.map((text) => text || null);
      if (header) return encodeRow(header, fields, lines, badRows);
      header = readHeader(fields);
      return null;
    },
  } as Options);
}

/** Tells an empty text, `""`, from NULL; asked of the parser only here, since it is eight times slower then. */
function readQuoted(raw: string): Field[] {
  const [fields] = parseSync(raw, {
    bom: true,
    relax_column_count: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  }) as unknown as [Field[]];
  return fields;
}

function encodeRow(
  header: HeaderColumn[],
  record: Field[],
  lastLine: number,
  badRows: BadRows,
): string | null {
  const line = lastLine - lineEndsWithin(record);
  if (record.length !== header.length) {
    badRows.add(line, `has ${record.length} columns, expected ${header.length}`);
    return null;
  }
  const fields: Partial<Record<HeaderColumn, string>> = {};
  for (const [index, column] of header.entries()) {
    try {
      fields[column] = escape(checkCell(column, record[index]!));
    } catch (error) {
      badRows.add(line, `${column} ${(error as Error).message}`);
      return null;
    }
  }
  return `${line}\t${narrowColumnNames.map((column) => fields[column] ?? NULL).join('\t')}\n`;
}

const lineEndsWithin = (record: Field[]): number =>
  record.reduce(
    (sum, field) => sum + (field?.includes('\n') ? field.split('\n').length - 1 : 0),
    0,
  );

const NULL = String.raw`\N`;
const escapes: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

const escape = (field: Field): string =>
  field === null ? NULL : field.replace(/[\\\t\n\r]/g, (letter) => escapes[letter]!);

/** The parser's own error, as a sentence about a line. */
export function csvFailure(error: unknown, lines: number): unknown {
  if (!(error instanceof CsvError)) return error;
  const line = typeof error['lines'] === 'number' ? error['lines'] : lines;
  const reasons: Partial<Record<string, string>> = {
    CSV_QUOTE_NOT_CLOSED: 'ends inside quotes: the file may have been cut off there',
    CSV_MAX_RECORD_SIZE: 'begins a row of over 4 MiB: is a quote not closed?',
    CSV_INVALID_CLOSING_QUOTE: 'has a quote in the middle of a quoted field',
    INVALID_OPENING_QUOTE: 'has a quote in the middle of a field',
  };
  return invalid(`line ${line} ${reasons[error.code] ?? error.message}`, {
    hint: 'get the file again, or correct that line; a quote within quotes is doubled',
    cause: error,
  });
}

const BATCH_CHARACTERS = 64 * 1024;

/** Joins many short lines to few large writes. */
export function batchLines(): Transform {
  let batch = '';
  return new Transform({
    writableObjectMode: true,
    transform(line: string, _: BufferEncoding, done: TransformCallback) {
      batch += line;
      if (batch.length < BATCH_CHARACTERS) return done();
      const full = batch;
      batch = '';
      return done(null, full);
    },
    flush: (done) => done(null, batch),
  });
}
