import { rangeTitle, type MigrationProgress, type Waiting } from './migration-progress.ts';
import { formatDurationMs } from './time.ts';

/** What the Temporal UI shows under Current Details: a small markdown table, and what is waited for. */
export function progressTable(progress: MigrationProgress): string {
  return [table(rows(progress)), ...progress.waiting.map(waitingLine), ...progress.remarks].join(
    '\n\n',
  );
}

function rows(progress: MigrationProgress): [string, string][] {
  const { chunks, cells, from, to, window } = progress;
  return [
    ['phase', `**${progress.phase}**, ${progress.percent.toFixed(1)} %`],
    ['range', from ? rangeTitle({ from, to }) : `… → ${to}`],
    ['migrated through', progress.migratedThrough ?? '–'],
    ['chunks', `${settled(progress)} of ${count(chunks.total)}: ${chunkList(progress)}`],
    [
      'in flight',
      `${chunks.inFlight} of ${window}: ${progress.inFlight.map(rangeTitle).join(', ')}`,
    ],
    [
      'cells',
      `${count(cells.read)} read = ${count(cells.written)} written + ${count(cells.nulls)} NULL + ${count(cells.quarantined)} quarantined`,
    ],
    ['cells/s of late', count(progress.cellsPerSecond)],
    ...widthRow(progress),
    ['tables', progress.tables.map((name) => `\`${name}\``).join(', ') || '–'],
  ];
}

function widthRow({ startWidthMs, widthMs }: MigrationProgress): [string, string][] {
  if (startWidthMs === undefined) return [];
  const [now, planned] = [startWidthMs, widthMs].map(formatDurationMs);
  return [['width', `chunks begin with ${now} of ${planned} for now, because one was too big`]];
}

function settled({ chunks }: MigrationProgress): string {
  return count(chunks.done + chunks.empty + chunks.failed);
}

function chunkList({ chunks }: MigrationProgress): string {
  const { done, empty, split, failed } = chunks;
  return `${count(done)} done, ${count(empty)} empty, ${count(split)} split, ${count(failed)} failed`;
}

const table = (lines: [string, string][]): string =>
  ['| | |', '|---|---|', ...lines.map(([name, value]) => `| ${name} | ${value} |`)].join('\n');

const waitingLine = ({ subject, reason, hint, since }: Waiting): string =>
  `**${subject}** waits since ${since}: ${reason}${hint ? ` **What to do:** ${hint}` : ''}`;

/** `1,234,567`, without the locale data that differ between machines. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, ',');
