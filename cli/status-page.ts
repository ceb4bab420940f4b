import { formatCount, formatNoun } from '../domain/format-figures.ts';
import type { ShipReport } from '../domain/migration.ts';
import { sentenceOfRestraint, type SourceRestraint } from '../domain/source-allowance.ts';
import { formatDurationMs } from '../domain/time.ts';
import { briefReportTable } from './migration-verdict.ts';
import { briefSensorTable, sensorTable } from './sensor-table.ts';
import type { SensorReport } from './sensor-reports.ts';
import type { ShipStatus } from './ship-status.ts';
import { renderTable } from './table.ts';
import type { PageSize } from './terminal-page.ts';

/** What was read of ships and sensors. */
export interface Status {
  ships: ShipStatus[];
  sensors: SensorReport[];
  /** Of neither a ship nor a sensor: what could not be read. */
  remarks: string[];
  spared?: SourceRestraint | undefined;
}

export const remarksOf = ({ remarks, spared }: Omit<Status, 'ships' | 'sensors'>): string[] =>
  spared ? [...remarks, sentenceOfRestraint(spared)] : remarks;

/** What `status --watch` shows: the time, ships, sensors, and what is wrong. */
export class StatusPage {
  /** Where each ship stood when it was seen first, or moved to another range: what tells how long the rest takes. */
  readonly #first = new Map<string, { settled: number; total: number; atMs: number }>();
  #status: Status | undefined;
  #readAt = new Date();
  #trouble = '';

  read(status: Status): void {
    this.#status = status;
    this.#readAt = new Date();
    this.#trouble = '';
    for (const { report } of status.ships) this.#see(report);
  }

  /** A server is away: what was read last stays. */
  failed(trouble: string): void {
    this.#trouble = trouble;
  }

  lines({ columns }: PageSize): string[] {
    const status: Status = this.#status ?? { ships: [], sensors: [], remarks: [] };
    const { ships, sensors } = status;
    const reports = ships.map(({ report }) => report);
    const wrong = new Set([
      ...remarksOf(status),
      ...[...ships, ...sensors].flatMap((one) => one.remarks),
    ]);
    return [
      `fairlead  ${stamp(new Date())}  ${summary(reports, sensors.length)}`,
      ...(this.#trouble ? ['', `! ${this.#trouble}`, `  as of ${stamp(this.#readAt)}:`] : []),
      ...(reports.length > 0 ? ['', ...this.#tableOfShips(reports, columns)] : []),
      ...(sensors.length > 0
        ? ['', ...tableOf(sensorTable, briefSensorTable, sensors, columns)]
        : []),
      ...(wrong.size > 0 ? ['', ...[...wrong].map((remark) => `! ${remark}`)] : []),
    ];
  }

  #see(report: ShipReport): void {
    const { settled, total } = settledOf(report);
    const before = this.#first.get(report.ship);
    if (before && before.settled <= settled && report.phase === 'copying') return;
    this.#first.set(report.ship, { settled, total, atMs: this.#readAt.getTime() });
  }

  #tableOfShips(reports: readonly ShipReport[], columns: number): string[] {
    const whole = (rows: readonly ShipReport[]) => this.#wholeTable(rows, columns);
    return tableOf(whole, briefReportTable, reports, columns);
  }

  #wholeTable(reports: readonly ShipReport[], columns: number): string {
    const right = { align: 'right' } as const;
    const titles = ['chunks', 'done', 'cells', 'quarantined', 'failed', 'cells/s', 'left'];
    return renderTable(
      [
        { title: 'ship' },
        { title: 'phase' },
        ...titles.map((title) => ({ title, ...right })),
        { title: 'checksum' },
      ],
      reports.map((report) => {
        const { ship, phase, cells, chunks, cellsPerSecond, verified } = report;
        const { settled, total } = settledOf(report);
        return [
          ship,
          phase,
          `${formatCount(settled)} of ${formatCount(total)}`,
          `${total > 0 ? Math.floor((settled / total) * 100) : 0} %`,
          cells.read,
          cells.quarantined,
          chunks.failed,
          cellsPerSecond,
          this.#leftOf(report),
          verified ? 'equal' : 'open',
        ];
      }),
      columns,
    );
  }

  /** By the chunks that were settled while this page was open. */
  #leftOf(report: ShipReport): string {
    const first = this.#first.get(report.ship);
    const { settled, total } = settledOf(report);
    if (!first || settled <= first.settled || settled >= total) return '–';
    const perChunkMs = (this.#readAt.getTime() - first.atMs) / (settled - first.settled);
    return formatDurationMs(Math.ceil((perChunkMs * (total - settled)) / 1_000) * 1_000);
  }
}

function settledOf({ chunks }: ShipReport): { settled: number; total: number } {
  return { settled: chunks.done + chunks.empty + chunks.failed, total: chunks.total };
}

/** The brief table where the whole one would become a block of lines for each row. */
function tableOf<Row>(
  whole: (rows: readonly Row[]) => string,
  brief: (rows: readonly Row[]) => string,
  rows: readonly Row[],
  columns: number,
): string[] {
  const lines = whole(rows).split('\n');
  const fits = lines.length === rows.length + 1 && lines.every((line) => line.length <= columns);
  return fits ? lines : brief(rows).split('\n');
}

const stamp = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;

function summary(reports: readonly ShipReport[], sensors: number): string {
  if (reports.length === 0 && sensors === 0) return 'no migration is known';
  const running = reports.filter(({ phase }) => !['finished', 'cancelled'].includes(phase)).length;
  const ships = `${formatNoun(reports.length, 'ship')}, ${running} not done`;
  return sensors > 0 ? `${ships}; ${formatNoun(sensors, 'sensor')}` : ships;
}
