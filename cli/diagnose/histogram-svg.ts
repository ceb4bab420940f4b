import { formatCount } from '../../domain/format-figures.ts';
import { causeNames } from '../../domain/explain-verdicts.ts';
import type { Histogram, HistogramBin } from '../../domain/duration-histogram.ts';
import { TIMEOUT_CAUSES } from '../../domain/timeout-verdicts.ts';
import { markup, type Markup } from './markup.ts';

const [WIDTH, HEIGHT] = [900, 280];
const [LEFT, RIGHT, TOP, BOTTOM] = [46, 12, 24, 44];
const [PLOT_WIDTH, PLOT_HEIGHT] = [WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
const GAP = 2;
const MOST_LABELS = 11;

/** Columns over an axis of seconds; every column tells its figures to whoever points at it or has it read out. */
export function histogramSvg(title: string, { bins, binSeconds }: Histogram): Markup {
  const most = Math.max(...bins.map(({ count }) => count));
  const step = gridStep(most);
  const scale = PLOT_HEIGHT / (Math.ceil(most / step) * step);
  const width = PLOT_WIDTH / bins.length;
  const lines = Array.from({ length: Math.ceil(most / step) + 1 }, (_, index) => index * step);
  return markup`<figure>
<figcaption>${title}, by seconds, ${binSeconds} s a column</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${describe(title, bins)}">
${lines.map((count) => gridLine(count, HEIGHT - BOTTOM - count * scale))}
${bins.map((bin, index) => column(bin, LEFT + index * width, width, scale))}
${bins.map((bin, index) => (isLabelled(index, bins.length) ? label(bin, LEFT + index * width) : ''))}
<text class="axis" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">seconds until the failure</text>
</svg>
</figure>
`;
}

function gridStep(most: number): number {
  for (let power = 1; ; power *= 10)
    for (const digit of [1, 2, 5]) if (most / (digit * power) <= 5) return digit * power;
}

function describe(title: string, bins: readonly HistogramBin[]): string {
  const filled = bins.filter(({ count }) => count > 0);
  const figures = filled.map(
    ({ fromSeconds, toSeconds, count }) => `${fromSeconds} to ${toSeconds} s: ${count}`,
  );
  return `${title}, as a histogram. ${figures.join('; ')}`;
}

const gridLine = (count: number, y: number): Markup =>
  markup`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/><text class="axis" x="${LEFT - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${formatCount(count)}</text>
`;

function column(bin: HistogramBin, x: number, width: number, scale: number): Markup {
  if (bin.count === 0) return markup``;
  let top = HEIGHT - BOTTOM;
  const parts = TIMEOUT_CAUSES.filter((cause) => bin.byCause[cause] > 0).map((cause) => {
    const height = bin.byCause[cause] * scale;
    top -= height;
    return markup`<rect class="${cause}" x="${(x + GAP / 2).toFixed(1)}" y="${top.toFixed(1)}" width="${Math.max(1, width - GAP).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return markup`<g><title>${tooltip(bin)}</title>${parts}<text class="count" x="${(x + width / 2).toFixed(1)}" y="${(top - 4).toFixed(1)}" text-anchor="middle">${formatCount(bin.count)}</text></g>
`;
}

function tooltip({ fromSeconds, toSeconds, byCause }: HistogramBin): string {
  const causes = TIMEOUT_CAUSES.filter((cause) => byCause[cause] > 0);
  const counts = causes.map((cause) => `${causeNames[cause]} ${formatCount(byCause[cause])}`);
  return `${fromSeconds} to ${toSeconds} s: ${counts.join(', ')}`;
}

const isLabelled = (index: number, count: number): boolean =>
  index % Math.ceil(count / MOST_LABELS) === 0;

const label = ({ fromSeconds }: HistogramBin, x: number): Markup =>
  markup`<line class="tick" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM + 5}"/><text class="axis" x="${x.toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${fromSeconds.toLocaleString('en-US')}</text>
`;
