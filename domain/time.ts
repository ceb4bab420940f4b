/** Microseconds since 1970-01-01T00:00:00Z, PostgreSQL's own resolution: an exact integer for any year to 2255. */
export type EpochUs = number;

export const MS_US = 1_000;
export const SECOND_US = 1_000_000;
export const MINUTE_US = 60 * SECOND_US;
export const HOUR_US = 60 * MINUTE_US;
export const DAY_US = 24 * HOUR_US;

const INSTANT =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(?:[.,](\d{1,6}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/i;

/**
 * Reads an ISO 8601 instant; without a zone it is UTC, without a time midnight.
 *
 * @throws {RangeError} when the text is no instant, or one that the calendar does not have
 */
export function parseInstant(text: string): EpochUs {
  const parts = INSTANT.exec(text.trim());
  if (!parts) throw new RangeError(`"${text}" is no ISO 8601 time, such as 2025-06-15T02:00:00Z`);
  const [, date, minutes = '00:00', seconds = '00', fraction = '', zone = 'Z'] = parts;
  const ms = Date.parse(`${date}T${minutes}:${seconds}${isoZone(zone)}`);
  if (Number.isNaN(ms) || !isInCalendar(date!))
    throw new RangeError(`"${text}" is no time that the calendar has`);
  return ms * MS_US + Number(fraction.padEnd(6, '0'));
}

function isoZone(zone: string): string {
  if (zone.toUpperCase() === 'Z') return 'Z';
  const digits = zone.slice(1).replace(':', '').padEnd(4, '0');
  return `${zone[0]}${digits.slice(0, 2)}:${digits.slice(2)}`;
}

/** Date.parse takes 30 February for 2 March. */
function isInCalendar(date: string): boolean {
  return new Date(`${date}T00:00:00Z`).getUTCDate() === Number(date.slice(-2));
}

/** `2025-06-15T02:00:00.000Z`; six decimals where milliseconds would not be exact. */
export function formatInstant(us: EpochUs): string {
  const iso = new Date(Math.floor(us / MS_US)).toISOString();
  const subMs = ((us % MS_US) + MS_US) % MS_US;
  return subMs === 0 ? iso : `${iso.slice(0, -1)}${String(subMs).padStart(3, '0')}Z`;
}

/** `2025-06-15 02:00 → 04:00`; the day again where it is another, seconds where they matter. */
export function formatRange(fromUs: EpochUs, toUs: EpochUs): string {
  const [from, to] = [shortTime(fromUs), shortTime(toUs)];
  const sameDay = from.slice(0, 10) === to.slice(0, 10);
  return `${from} → ${sameDay ? to.slice(11) : to}`;
}

function shortTime(us: EpochUs): string {
  const text = formatInstant(us).replace('T', ' ').replace('Z', '');
  if (us % MINUTE_US === 0) return text.slice(0, 16);
  return us % SECOND_US === 0 ? text.slice(0, 19) : text;
}

const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * Reads a duration such as `2h`, `90s`, `1h30m` or `250ms`.
 *
 * @returns milliseconds
 * @throws {RangeError} when the text is no such duration
 */
export function parseDurationMs(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const whole = parts.map(([part]) => part).join('');
  if (parts.length === 0 || whole !== text.trim()) {
    throw new RangeError(`"${text}" is no duration, such as 2h or 90s`);
  }
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit!]!, 0);
}

/** `2h`, `1h 30m`, `12s`, `0.8s`: at most two units, for people. */
export function formatDurationMs(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1).replace(/\.0$/, '')}s`;
  const seconds = Math.round(ms / 1_000);
  const units = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3_600) % 24],
    ['m', Math.floor(seconds / 60) % 60],
    ['s', seconds % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  const shown = units.slice(first, first + 2).filter(([, count]) => count > 0);
  return shown.map(([unit, count]) => `${count}${unit}`).join(' ');
}
