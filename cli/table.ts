import Table from 'cli-table3';
import { formatCount } from '../domain/format-figures.ts';
import { printableLine } from '../domain/printable.ts';

export interface Column {
  title: string;
  align?: 'left' | 'right';
}

const borders =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid';
const noBorders = Object.fromEntries(borders.split(' ').map((part) => [part, '']));

/**
 * A table without lines, for people: titles, then one line per row. What does not fit the terminal is set closer, or
 * else as a block of lines per row.
 *
 * @param width columns of the terminal; without one there is room for everything
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (string | number)[][],
  width: number = process.stdout.columns ?? Number.POSITIVE_INFINITY,
): string {
  const cells = rows.map((row) => row.map((cell) => formatCell(cell)));
  const tables = ['  ', ' '].map((gap) => renderLines(columns, cells, gap));
  const fitting = tables.find((lines) => lines.every((line) => line.length <= width));
  return fitting?.join('\n') ?? renderBlocks(columns, cells);
}

function renderLines(columns: readonly Column[], rows: string[][], gap: string): string[] {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: { ...noBorders, middle: gap },
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
  });
  table.push(...rows);
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** The first column, and under it each of the others with its title. */
function renderBlocks(columns: readonly Column[], rows: string[][]): string {
  const [, ...others] = columns;
  const longest = Math.max(0, ...others.map(({ title }) => title.length));
  const blocks = rows.map(([first = '', ...cells]) => [
    first,
    ...others.map(({ title }, index) => `  ${title.padEnd(longest)}  ${cells[index] ?? ''}`),
  ]);
  return blocks.flat().join('\n');
}

const formatCell = (cell: string | number): string =>
  typeof cell === 'number' ? formatCount(cell) : printableLine(cell);
