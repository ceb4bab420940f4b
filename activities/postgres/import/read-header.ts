import { distance } from 'fastest-levenshtein';
import { narrowColumnNames, type NarrowColumn } from '../narrow-table.ts';
import { invalid } from './check-utf8.ts';
import type { Field } from './check-cell.ts';

export type HeaderColumn = NarrowColumn | 'id';

const optional = new Set<string>(['server_created_time']);
const known: readonly string[] = ['id', ...narrowColumnNames];

/**
 * Reads the first line: the narrow table's columns in any order, `id` and `server_created_time` if they are there.
 *
 * @throws {FairleadError} `import-invalid`
 */
export function readHeader(fields: readonly Field[]): HeaderColumn[] {
  const names = fields.map((field) => (field ?? '').trim());
  const faults = [
    ...names.filter((name) => !known.includes(name)).map(unknownColumn),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `column ${name} stands there twice`),
    ...narrowColumnNames
      .filter((name) => !names.includes(name) && !optional.has(name))
      .map((name) => `column ${name} is missing`),
  ];
  if (faults.length === 0) return names as HeaderColumn[];
  throw invalid(`line 1 is no header of a narrow table: ${faults.join('; ')}`, {
    hint: `begin the file with: ${narrowColumnNames.join(',')}`,
  });
}

function unknownColumn(name: string): string {
  const near = known.find((column) => distance(column, name) <= 2);
  return `column ${JSON.stringify(name)} is unknown${near ? `, did you mean ${near}?` : ''}`;
}
