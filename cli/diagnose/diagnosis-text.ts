import { formatBytes, formatCount, formatNoun } from '../../domain/format-figures.ts';
import type { Diagnosis, FailedRangeReport } from '../../domain/diagnosis.ts';
import type { DurationStatistics } from '../../domain/duration-statistics.ts';
import { formatSeconds, type Block, type Explanation } from '../../domain/explain-verdicts.ts';
import { renderTable } from '../table.ts';
import { histogramText, type Canvas, type Remark } from './histogram-text.ts';
import { named, printable } from './printable.ts';

/** More lines of a kind are counted only; `--csv`, `--html` and `--json` have them all. */
export const MOST_LINES = 20;
const WIDEST_PROSE = 100;

const right = { align: 'right' } as const;

/** The report for people. */
export function diagnosisText(
  diagnosis: Diagnosis,
  ranges: readonly FailedRangeReport[],
  canvas: Canvas,
): string {
  const { found, reading, warnings } = diagnosis;
  const read = `${formatNoun(reading.lines, 'line')}, ${formatBytes(reading.bytes)} read`;
  const remarks = [...reading.notes, ...warnings].flatMap((line) =>
    wrap(`note: ${line}`, proseWidth(canvas)),
  );
  if (!found) return [`no failure of the old pipeline in ${read}`, ...remarks].join('\n');
  const { statistics, picture, explanations, advice } = found;
  return [
    [`${formatNoun(diagnosis.failures, 'failure')} in ${read}`, ...remarks].join('\n'),
    statisticsText(statistics, diagnosis.failures, canvas),
    countsText(
      'ship',
      diagnosis.byShip.map(({ ship, count }) => [named(ship), count]),
      canvas,
    ),
    countsText(
      'error',
      diagnosis.byError.map(({ error, count }) => [named(error), count]),
      canvas,
    ),
    frequentText(statistics),
    histogramText(picture, remarkOf(statistics), canvas),
    rangesText(diagnosis, ranges, canvas),
    ...explanations.map((explanation) => explanationText(explanation, canvas)),
    listText('What to do', advice, canvas),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function statisticsText(
  statistics: DurationStatistics,
  failures: number,
  { width }: Canvas,
): string {
  const { minSeconds, maxSeconds, meanSeconds, medianSeconds, over7200, over7900 } = statistics;
  const seconds = (value: number) => `${twoDecimals(value)} s`;
  const part = (count: number) =>
    `${formatCount(count)}  (${((100 * count) / failures).toFixed(1)} %)`;
  return [
    ...wrap(
      [
        `shortest ${seconds(minSeconds)}`,
        `longest ${seconds(maxSeconds)}`,
        `mean ${seconds(meanSeconds)}`,
        `median ${seconds(medianSeconds)}`,
      ].join(', '),
      width,
    ),
    `longer than 7,200 s   ${part(over7200)}`,
    `longer than 7,900 s   ${part(over7900)}`,
  ].join('\n');
}

const twoDecimals = (seconds: number): string =>
  seconds.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

function countsText(title: string, counts: [string, number][], { width }: Canvas): string {
  const shown = counts.slice(0, MOST_LINES);
  const table = renderTable([{ title }, { title: 'failures', ...right }], shown, width);
  return [table, ...moreLine(counts.length)].join('\n');
}

const moreLine = (count: number): string[] =>
  count > MOST_LINES ? [`… and ${formatCount(count - MOST_LINES)} more, with --json`] : [];

const repeatedOf = ({ mostFrequent }: DurationStatistics) =>
  mostFrequent.filter(({ count }) => count > 1);

function frequentText(statistics: DurationStatistics): string {
  const repeated = repeatedOf(statistics);
  if (repeated.length === 0) return 'no duration occurs twice';
  const columns = [
    { title: 'most frequent', ...right },
    { title: 'times', ...right },
  ];
  const rows = repeated.map(({ seconds, count }) => [`${twoDecimals(seconds)} s`, count]);
  return renderTable(columns, rows);
}

function remarkOf(statistics: DurationStatistics): Remark | undefined {
  const [first] = repeatedOf(statistics);
  if (!first) return undefined;
  return {
    seconds: first.seconds,
    text: `${formatCount(first.count)} × ${formatSeconds(first.seconds)}`,
  };
}

function rangesText(
  { paired, unpaired }: Diagnosis,
  ranges: readonly FailedRangeReport[],
  { width }: Canvas,
): string {
  const known = ranges.map(({ ship, from, to, seconds }) => [
    named(ship),
    from,
    to,
    twoDecimals(seconds),
  ]);
  const unknown = unpaired.ranges.map(({ from, to }) => ['(not known)', from, to, '']);
  const rows = [...known.slice(0, MOST_LINES), ...unknown].slice(0, MOST_LINES);
  if (rows.length === 0) return '';
  const columns = [
    { title: 'ship' },
    { title: 'range that failed: from' },
    { title: 'to' },
    { title: 'after s', ...right },
  ];
  const more = paired + unpaired.rangeCount - rows.length;
  const rest = `… and ${formatCount(more)} more: --csv FILE, --html FILE or --json has them all`;
  return [renderTable(columns, rows, width), ...(more > 0 ? [rest] : [])].join('\n');
}

function explanationText({ title, blocks }: Explanation, canvas: Canvas): string {
  const heading = wrap(title, proseWidth(canvas)).join('\n');
  const underline = '─'.repeat(Math.min(proseWidth(canvas), title.length));
  return [heading, underline, ...blocks.map((block) => `${blockText(block, canvas)}\n`)]
    .join('\n')
    .trimEnd();
}

const proseWidth = ({ width }: Canvas): number => Math.min(width, WIDEST_PROSE);

function blockText(block: Block, canvas: Canvas): string {
  if (block.kind === 'prose') return wrap(block.text, proseWidth(canvas)).join('\n');
  if (block.kind === 'list') return block.items.map((item) => itemText(item, canvas)).join('\n');
  const columns = block.titles.map((title) => ({ title }));
  const table = renderTable(columns, block.rows, canvas.width - 2);
  const caption = wrap(`${block.caption}:`, proseWidth(canvas));
  return [...caption, ...table.split('\n').map((line) => `  ${line}`)].join('\n');
}

function listText(title: string, items: readonly string[], canvas: Canvas): string {
  if (items.length === 0) return '';
  return [title, '─'.repeat(title.length), ...items.map((item) => itemText(item, canvas))].join(
    '\n',
  );
}

const itemText = (item: string, canvas: Canvas): string =>
  wrap(item, proseWidth(canvas) - 2)
    .map((line, index) => `${index === 0 ? '- ' : '  '}${line}`)
    .join('\n');

/** Breaks prose between words; a word longer than a line stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of printable(text).split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
