import { formatCount } from '../domain/format-figures.ts';
import type { ShipReport } from '../domain/migration.ts';
import type { MigrationProgress } from '../domain/migration-progress.ts';
import { renderTable } from './table.ts';
import { formatDurationMs } from '../domain/time.ts';
import { rangeTitle } from '../domain/migration-progress.ts';
import { shellWord } from '../domain/shell-word.ts';

export interface Verdict {
  exitCode: 0 | 4;
  /** What a person should know besides the figures. */
  sentences: string[];
}

/** Whether a finished migration is right, and what is not. */
export function verdictOn(report: ShipReport): Verdict {
  const wrong = [...failedChunks(report), ...excessiveQuarantine(report), ...unproven(report)];
  const late = report.late?.map((sentence) => `${report.ship}: ${sentence}`) ?? [];
  const sentences = [...wrong, ...quarantineWarning(report), ...late];
  return { exitCode: wrong.length > 0 ? 4 : 0, sentences };
}

function failedChunks({ ship, chunks }: ShipReport): string[] {
  if (chunks.failed === 0) return [];
  const noun = chunks.failed === 1 ? 'chunk' : 'chunks';
  return [
    `${ship} finished with ${formatCount(chunks.failed)} failed ${noun}; to see them: fairlead failed ${shellWord(ship)}`,
  ];
}

function excessiveQuarantine({ ship, quarantine }: ShipReport): string[] {
  const channels = [...new Set(quarantine.flatMap(({ excessiveChannels }) => excessiveChannels))];
  if (channels.length === 0) return [];
  const [first] = channels;
  const shown = channels.length === 1 ? first : `${first} and ${channels.length - 1} others`;
  return [
    `${ship}: over 1 % of the cells of ${shown} are in quarantine; set the type under [migration.channelTypes], then repeat with --redo`,
  ];
}

function unproven({ ship, verified, chunks }: ShipReport): string[] {
  return verified || chunks.failed > 0 ? [] : [`${ship}: not every chunk is proven`];
}

function quarantineWarning({ ship, quarantine }: ShipReport): string[] {
  if (quarantine.length === 0) return [];
  const reasons = quarantine.map(({ reason, cells }) => `${formatCount(cells)} ${reason}`);
  return [`warning: ${ship}: cells in quarantine: ${reasons.join(', ')}`];
}

/** What is known of a migration that was not followed to its end, in the form of a report. */
export function reportOfProgress(progress: MigrationProgress): ShipReport {
  const { ship, from, to, phase, chunks, cells, foreign, cellsPerSecond, tables } = progress;
  const { total, done, empty, split, failed } = chunks;
  return {
    ship,
    from: from ?? '',
    to,
    phase,
    chunks: { total, done, empty, split, failed },
    cells,
    foreign,
    seconds: 0,
    cellsPerSecond,
    verified: false,
    tables,
    quarantine: [],
  };
}

/** The entry of a ship in `migrate --json` and `status --json`: a contract, so nothing that is only for people. */
export function jsonOfReport(report: ShipReport) {
  const { ship, from, to, phase, chunks, cells, seconds, cellsPerSecond, verified, tables } =
    report;
  return { ship, from, to, phase, chunks, cells, seconds, cellsPerSecond, verified, tables };
}

/** The proof: cells read = written + nulls + quarantined, and equal checksums, ship by ship. */
export function reportTable(reports: readonly ShipReport[]): string {
  const right = { align: 'right' } as const;
  return renderTable(
    [
      { title: 'ship' },
      { title: 'range' },
      { title: 'phase' },
      { title: 'chunks', ...right },
      { title: 'cells read', ...right },
      { title: '= written', ...right },
      { title: '+ nulls', ...right },
      { title: '+ quarantined', ...right },
      { title: 'checksum' },
      { title: 'cells/s', ...right },
      { title: 'time', ...right },
    ],
    reports.map(reportRow),
  );
}

/** What moves, in a line per ship that fits a narrow terminal. */
export function briefReportTable(reports: readonly ShipReport[]): string {
  const right = { align: 'right' } as const;
  return renderTable(
    [
      { title: 'ship' },
      { title: 'phase' },
      { title: 'chunks', ...right },
      { title: 'cells', ...right },
      { title: 'checksum' },
      { title: 'cells/s', ...right },
    ],
    reports.map((report) => {
      const [ship = '', , phase = '', chunks = '', cells = '', , , , checksum = '', rate = ''] =
        reportRow(report);
      return [ship, phase, chunks, cells, checksum, rate];
    }),
  );
}

function reportRow(report: ShipReport): (string | number)[] {
  const { ship, from, to, phase, chunks, cells, verified, cellsPerSecond, seconds } = report;
  const settled = chunks.done + chunks.empty + chunks.failed;
  return [
    ship,
    from ? rangeTitle({ from, to }) : `… → ${to}`,
    phase,
    `${formatCount(settled)} of ${formatCount(chunks.total)}`,
    cells.read,
    cells.written,
    cells.nulls,
    cells.quarantined,
    verified ? 'equal' : 'open',
    cellsPerSecond,
    formatDurationMs(seconds * 1_000),
  ];
}
