import {
  checkGroups,
  type Check,
  type CheckVerdict,
  type PreflightReport,
  type ShipEstimate,
} from '../domain/preflight.ts';
import { formatDurationMs, formatRange, parseInstant } from '../domain/time.ts';
import { renderTable } from './table.ts';

const VERDICT_WIDTH = 6;
const NARROWEST = 60;
const WIDEST = 160;
/** A statement for 655 columns is for the JSON document. */
const MOST_FIX_LINES = 16;

/**
 * A preflight for people: a line per check, under its heading, and under it what to paste.
 *
 * @param width columns of the terminal
 */
export function preflightText(
  { checks, ships, reached }: PreflightReport,
  width: number = process.stdout.columns ?? WIDEST,
): string {
  const columns = Math.min(WIDEST, Math.max(NARROWEST, width));
  const lines = checkGroups.flatMap((group) => {
    const ofGroup = mergeSides(checks.filter((check) => check.group === group));
    if (ofGroup.length === 0) return [];
    return [group, ...ofGroup.flatMap((check) => linesOf(check, columns)), ''];
  });
  return [...lines, ...shipLines(ships, width), ...wrap(summaryOf(checks, reached), columns)].join(
    '\n',
  );
}

/** What source and target say alike, as when they are one database, is said once. */
function mergeSides(checks: readonly Check[]): Check[] {
  const isTwin = (one: Check, other: Check) =>
    one.name === other.name &&
    one.verdict === other.verdict &&
    one.found === other.found &&
    one.fix === other.fix;
  const twinOf = (check: Check, about: string) =>
    checks.find((other) => other.about === about && isTwin(check, other));
  return inOrder(checks).flatMap((check) => {
    if (check.about === 'source' && twinOf(check, 'target')) return [{ ...check, about: 'both' }];
    return check.about === 'target' && twinOf(check, 'source') ? [] : [check];
  });
}

/** What the target says stands beside what the source says of the same. */
function inOrder(checks: readonly Check[]): Check[] {
  const placeOf = (check: Check) => {
    const beside = checks.findIndex(({ about, name }) => about === 'source' && name === check.name);
    return check.about === 'target' && beside >= 0 ? beside : checks.indexOf(check);
  };
  return checks.toSorted((a, b) => placeOf(a) - placeOf(b));
}

function linesOf({ about, name, verdict, found, fix }: Check, columns: number): string[] {
  const label = about ? `${about} ${name}` : name;
  const labelWidth = columns >= 120 ? 34 : 22;
  const indent = VERDICT_WIDTH + labelWidth;
  const start = verdict.padEnd(VERDICT_WIDTH) + label.padEnd(labelWidth);
  const wrapped = wrap(found, columns - indent);
  const text =
    label.length < labelWidth
      ? [start + (wrapped[0] ?? ''), ...wrapped.slice(1).map((line) => ' '.repeat(indent) + line)]
      : [start, ...wrapped.map((line) => ' '.repeat(indent) + line)];
  return [...text.map((line) => line.trimEnd()), ...fixLines(fix)];
}

function fixLines(fix: string | null): string[] {
  if (fix === null) return [];
  const lines = fix.split('\n');
  const more = lines.length - MOST_FIX_LINES;
  const shown =
    more > 0
      ? [
          ...lines.slice(0, MOST_FIX_LINES),
          `… ${more} more lines: see "fix" of fairlead preflight --json`,
        ]
      : lines;
  return shown.map((line) => ' '.repeat(VERDICT_WIDTH) + line);
}

/** At spaces; a word that is longer than the line stays whole. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function shipLines(ships: readonly ShipEstimate[], width: number): string[] {
  if (ships.length === 0) return [];
  const right = { align: 'right' } as const;
  const table = renderTable(
    [
      { title: 'ship' },
      { title: 'range' },
      { title: 'chunks to do', ...right },
      { title: 'cells, about', ...right },
      { title: 'time, about', ...right },
    ],
    ships.map(({ ship, from, to, chunks, estimatedCells, estimatedSeconds }) => [
      ship,
      formatRange(parseInstant(from), parseInstant(to)),
      chunks,
      estimatedCells,
      formatDurationMs(estimatedSeconds * 1_000),
    ]),
    width,
  );
  return [...table.split('\n'), ''];
}

function summaryOf(checks: readonly Check[], reached: boolean): string {
  const of = (verdict: CheckVerdict) =>
    mergeSides(checks).filter((check) => check.verdict === verdict);
  const counts = `${of('stop').length} stop, ${of('look').length} look, ${of('good').length} good`;
  const stops = of('stop').map(({ about, name }) => (about ? `${about} ${name}` : name));
  const away = reached
    ? ''
    : '; a database did not answer, so that not everything could be looked at';
  return `${counts}${stops.length > 0 ? `; first: ${stops.join(', ')}` : ''}${away}`;
}
