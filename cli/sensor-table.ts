import { formatCount, formatNoun } from '../domain/format-figures.ts';
import type { LastHourSummary } from '../domain/last-hour.ts';
import type { Gap } from '../domain/sensor.ts';
import { formatDurationMs } from '../domain/time.ts';
import type { SensorReport } from './sensor-reports.ts';
import { renderTable } from './table.ts';

/** For scripts: a key that nothing is known of is null. */
export const jsonOfSensor = (report: SensorReport) => ({
  sensor: report.sensor,
  state: report.state,
  connectedSince: report.connectedSince ?? null,
  reconnects: report.reconnects,
  lastGap: report.lastGap ?? null,
  messagesPerSecond: report.messagesPerSecond ?? 0,
  file: report.file ?? null,
  recordingStopped: report.recordingStopped ?? null,
  remarks: report.remarks,
  lastHour: report.lastHour ?? null,
});

export function sensorTable(reports: readonly SensorReport[]): string {
  return renderTable(
    [
      { title: 'sensor' },
      { title: 'state' },
      { title: 'connected since' },
      { title: 'reconnects', align: 'right' },
      { title: 'last gap' },
      { title: 'messages/s', align: 'right' },
      { title: 'recording' },
    ],
    reports.map((report) => [
      report.sensor,
      report.state === 'none' ? 'no session' : report.state,
      report.connectedSince ?? '–',
      formatCount(report.reconnects),
      report.lastGap ? gapOf(report.lastGap) : '–',
      report.messagesPerSecond?.toFixed(1) ?? '–',
      report.recordingStopped ? 'stopped' : (report.file ?? '–'),
    ]),
  );
}

/** What moves, in a line per sensor that fits a narrow terminal. */
export function briefSensorTable(reports: readonly SensorReport[]): string {
  return renderTable(
    [
      { title: 'sensor' },
      { title: 'state' },
      { title: 'reconnects', align: 'right' },
      { title: 'messages/s', align: 'right' },
      { title: 'recording' },
    ],
    reports.map(({ sensor, state, reconnects, messagesPerSecond, recordingStopped, file }) => [
      sensor,
      state === 'none' ? 'no session' : state,
      formatCount(reconnects),
      messagesPerSecond?.toFixed(1) ?? '–',
      recordingStopped ? 'stopped' : file ? 'goes on' : '–',
    ]),
  );
}

/** `3s, until 2026-11-25T07:00:00.000Z`. */
function gapOf({ from, to }: Gap): string {
  const ms = Math.max(0, Date.parse(to) - Date.parse(from));
  const whole = ms < 10_000 ? ms : Math.round(ms / 1_000) * 1_000;
  return `${formatDurationMs(whole)}, until ${to}`;
}

/** One line of figures. */
export function lastHourLine({ sensor, lastHour }: SensorReport): string | undefined {
  return lastHour && `${sensor}, last hour: ${partsOf(lastHour).join('; ')}`;
}

function partsOf(hour: LastHourSummary): string[] {
  const { connects, ended, connectedSeconds, gapSeconds, pingMs, dropped, rest } = hour;
  const reasons = Object.entries(ended).map(([reason, count]) => `${count} ${reason}`);
  return [
    `connected ${formatDurationMs(Math.round(connectedSeconds) * 1_000)}, ${formatNoun(connects, 'connect')}${reasons.length > 0 ? ` (ended: ${reasons.join(', ')})` : ''}`,
    `gaps ${formatDurationMs(Math.round(gapSeconds) * 1_000)}`,
    `${formatNoun(hour.messages, 'message')}, ${(hour.bytes / 1_000_000).toFixed(1)} MB, ${formatCount(dropped.messages)} dropped`,
    ...(pingMs ? [`ping ${pingMs.mean.toFixed(1)} ms (at most ${pingMs.max.toFixed(1)})`] : []),
    ...(rest
      ? [`REST ${formatNoun(rest.calls, 'call')}, ${rest.errors} failed, ${rest.meanMs} ms`]
      : []),
  ];
}
