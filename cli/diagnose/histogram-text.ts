import { formatCount } from '../../domain/format-figures.ts';
import { causeNames } from '../../domain/explain-verdicts.ts';
import type { DurationPicture, Histogram, HistogramBin } from '../../domain/duration-histogram.ts';
import { TIMEOUT_CAUSES, type TimeoutCause } from '../../domain/timeout-verdicts.ts';

/** Told apart without colours too. */
const glyphs: Record<TimeoutCause, string> = {
  'tcp-keepalive': '█',
  'tcp-retransmission': '▓',
  'statement-timeout': '▒',
  unknown: '░',
};

const colours: Record<TimeoutCause, number> = {
  'tcp-keepalive': 36,
  'tcp-retransmission': 33,
  'statement-timeout': 35,
  unknown: 90,
};

export interface Canvas {
  /** Columns of the terminal. */
  width: number;
  isColoured: boolean;
}

/** A value that is worth a word at its bar. */
export interface Remark {
  seconds: number;
  text: string;
}

/** Runs of empty bars from this length on are left out. */
const SHORTEST_GAP = 3;
const GAP = '⋮';

/** The durations as bars, one line each, no wider than the canvas. */
export function histogramText(
  { overview, closeUp }: DurationPicture,
  remark: Remark | undefined,
  canvas: Canvas,
): string {
  const parts = [
    legendOf(overview, canvas),
    titleOf('All failures', overview),
    ...barsOf(overview, closeUp ? undefined : remark, canvas),
  ];
  if (closeUp)
    parts.push('', titleOf('Most of them, closer', closeUp), ...barsOf(closeUp, remark, canvas));
  return parts.join('\n');
}

const titleOf = (title: string, { binSeconds, bins }: Histogram): string =>
  `${title}, by seconds, ${binSeconds} s a line${bins.some(({ count }) => count > 0) ? '' : ' (none)'}`;

function legendOf({ bins }: Histogram, canvas: Canvas): string {
  const counted = TIMEOUT_CAUSES.map((cause) => ({
    cause,
    count: bins.reduce((sum, bin) => sum + bin.byCause[cause], 0),
  })).filter(({ count }) => count > 0);
  return counted
    .map(
      ({ cause, count }) => `${paint(cause, 1, canvas)} ${causeNames[cause]} ${formatCount(count)}`,
    )
    .join('   ');
}

function barsOf({ bins }: Histogram, remark: Remark | undefined, canvas: Canvas): string[] {
  const labels = bins.map(
    ({ fromSeconds, toSeconds }) => `${label(fromSeconds)}–${label(toSeconds)}`,
  );
  const labelWidth = Math.max(...labels.map(({ length }) => length));
  const remarks = bins.map((bin) => remarkOn(bin, remark));
  const ends = bins.map(({ count }, index) => ` ${formatCount(count)}${remarks[index]}`);
  const room = canvas.width - labelWidth - 1 - Math.max(...ends.map(({ length }) => length));
  const most = Math.max(...bins.map(({ count }) => count));
  const lines = bins.map((bin, index) => {
    const bar = barOf(bin, Math.max(1, room) / most, canvas);
    return `${labels[index]!.padStart(labelWidth)} ${bar}${bin.count > 0 ? ends[index] : ''}`.trimEnd();
  });
  return withoutGaps(bins, lines, labelWidth);
}

const label = (seconds: number): string => seconds.toLocaleString('en-US');

function remarkOn({ fromSeconds, toSeconds }: HistogramBin, remark: Remark | undefined): string {
  const isHere = remark && remark.seconds >= fromSeconds && remark.seconds < toSeconds;
  return isHere ? ` (${remark.text})` : '';
}

/** At least one glyph for each cause that is there, unless there is no room. */
function barOf({ byCause }: HistogramBin, glyphsPerFailure: number, canvas: Canvas): string {
  return TIMEOUT_CAUSES.map((cause) => {
    const exact = byCause[cause] * glyphsPerFailure;
    return paint(cause, byCause[cause] > 0 ? Math.max(1, Math.floor(exact)) : 0, canvas);
  }).join('');
}

function withoutGaps(bins: readonly HistogramBin[], lines: string[], labelWidth: number): string[] {
  const isInGap = bins.map((_, index) => {
    const [start, end] = [bins.slice(0, index + 1), bins.slice(index)];
    const before = start.length - 1 - start.findLastIndex(({ count }) => count > 0);
    const after = end.findIndex(({ count }) => count > 0);
    return after > 0 && before + after > SHORTEST_GAP;
  });
  return lines.flatMap((line, index) => {
    if (!isInGap[index]) return [line];
    return isInGap[index - 1] ? [] : [GAP.padStart(labelWidth)];
  });
}

function paint(cause: TimeoutCause, length: number, { isColoured }: Canvas): string {
  const bar = glyphs[cause].repeat(length);
  return isColoured && length > 0 ? `\u001b[${colours[cause]}m${bar}\u001b[39m` : bar;
}
