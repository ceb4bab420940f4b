import Table from 'cli-table3';

export interface Column {
  title: string;
  align?: 'left' | 'right';
}

const borders =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid';
const noBorders = {
  ...Object.fromEntries(borders.split(' ').map((part) => [part, ''])),
  middle: '  ',
};

/** A table without lines, for people: titles, then one line per row. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (string | number)[][],
): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: noBorders,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => row.map((cell) => formatCell(cell))));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const formatCell = (cell: string | number): string =>
  typeof cell === 'number' ? formatCount(cell) : cell;

/** `3,029,760`. */
export const formatCount = (count: number): string => Math.round(count).toLocaleString('en-US');
