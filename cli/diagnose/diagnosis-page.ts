import { formatBytes, formatCount } from '../../domain/format-figures.ts';
import type { Diagnosis, DiagnosisOfDurations, FailedRangeReport } from '../../domain/diagnosis.ts';
import { causeNames, type Block, type Explanation } from '../../domain/explain-verdicts.ts';
import { TIMEOUT_CAUSES } from '../../domain/timeout-verdicts.ts';
import { histogramSvg } from './histogram-svg.ts';
import { markup, Markup } from './markup.ts';
import { pageStyle } from './page-style.ts';

/** What every page begins with, by which an older one is known again. */
export const PAGE_BEGINNING = '<!doctype html>\n<!-- written by fairlead diagnose -->\n';

/** A browser has its troubles with longer tables; `--csv` and `--json` have all. */
export const MOST_RANGES = 10_000;
const MOST_ROWS = 200;

/** The report as one page that loads nothing, and lets nothing of a log be more than text. */
export function* diagnosisPage(
  diagnosis: Diagnosis,
  ranges: readonly FailedRangeReport[],
  logs: readonly string[],
): Generator<string> {
  yield PAGE_BEGINNING;
  yield headOf(diagnosis, logs).text;
  if (diagnosis.found) yield* sectionsOf(diagnosis, diagnosis.found, ranges);
  yield '</main>\n</body>\n</html>\n';
}

function headOf({ failures, reading, warnings }: Diagnosis, logs: readonly string[]): Markup {
  const title = `${formatCount(failures)} ${failures === 1 ? 'failure' : 'failures'}, and what they prove`;
  const notes = [...reading.notes, ...warnings];
  return markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p>${formatCount(reading.lines)} lines, ${formatBytes(reading.bytes)}, read by <code>fairlead diagnose</code> from ${logs.join(', ')}</p>
${notes.length > 0 ? markup`<ul class="note">${notes.map((note) => markup`<li>${note}</li>`)}</ul>` : ''}
`;
}

function* sectionsOf(
  diagnosis: Diagnosis,
  found: DiagnosisOfDurations,
  ranges: readonly FailedRangeReport[],
): Generator<string> {
  yield figures(diagnosis, found).text;
  yield verdictList(found.explanations).text;
  yield pictures(found).text;
  yield counts(diagnosis, found).text;
  for (const explanation of found.explanations) yield section(explanation).text;
  if (found.advice.length > 0) yield adviceSection(found.advice).text;
  yield* rangesSection(diagnosis, ranges);
}

function figures({ failures }: Diagnosis, { statistics }: DiagnosisOfDurations): Markup {
  const { minSeconds, maxSeconds, meanSeconds, medianSeconds, over7200, over7900 } = statistics;
  const part = (count: number) =>
    `${formatCount(count)} (${((100 * count) / failures).toFixed(1)} %)`;
  const all: [string, string][] = [
    ['shortest', seconds(minSeconds)],
    ['longest', seconds(maxSeconds)],
    ['mean', seconds(meanSeconds)],
    ['median', seconds(medianSeconds)],
    ['longer than 7,200 s', part(over7200)],
    ['longer than 7,900 s', part(over7900)],
  ];
  return markup`<dl class="figures">${all.map(([name, value]) => markup`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
`;
}

const twoDecimals = (value: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

const seconds = (value: number): string => `${twoDecimals(value)} s`;

const verdictList = (explanations: readonly Explanation[]): Markup =>
  markup`<ul class="verdicts">${explanations.map(({ cause, title }) => markup`<li class="${cause}">${title}</li>`)}</ul>
`;

function pictures({ picture: { overview, closeUp }, judgement }: DiagnosisOfDurations): Markup {
  const causes = TIMEOUT_CAUSES.filter((cause) => judgement.counts[cause] > 0);
  const legend = causes.map(
    (cause) =>
      markup`<span><i class="${cause}"></i>${causeNames[cause]} ${formatCount(judgement.counts[cause])}</span>`,
  );
  return markup`<h2>How long the queries ran</h2>
${histogramSvg('All failures', overview)}
${closeUp ? histogramSvg('Most of them, closer', closeUp) : ''}
<p class="legend">${legend}</p>
`;
}

function counts({ byShip, byError }: Diagnosis, { statistics }: DiagnosisOfDurations): Markup {
  const number = (count: number) => formatCount(count);
  const repeated = statistics.mostFrequent.filter(({ count }) => count > 1);
  const ships = byShip.map(({ ship, count }) => [ship || '(none)', number(count)]);
  const errors = byError.map(({ error, count }) => [error || '(none)', number(count)]);
  const durations = repeated.map((each) => [seconds(each.seconds), number(each.count)]);
  return markup`<h2>Where, and with which words</h2>
${table('Failures by ship', ['ship', 'failures'], ships, 1)}
${table('Failures by error', ['error', 'failures'], errors, 1)}
${durations.length > 0 ? table('Most frequent durations', ['duration', 'times'], durations, 1) : markup`<p>No duration occurs twice.</p>`}
`;
}

/** @param numbers the column that holds numbers */
function table(caption: string, titles: string[], rows: string[][], numbers?: number): Markup {
  const kind = (index: number) => (index === numbers ? 'number' : 'word');
  const more = rows.length - MOST_ROWS;
  return markup`<div class="scroll"><table><caption>${caption}</caption>
<thead><tr>${titles.map((title, index) => markup`<th scope="col" class="${kind(index)}">${title}</th>`)}</tr></thead>
<tbody>${rows.slice(0, MOST_ROWS).map(
    (
      cells,
    ) => markup`<tr>${cells.map((cell, index) => markup`<td class="${kind(index)}">${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>${more > 0 ? markup`<p>… and ${formatCount(more)} more, with --json</p>` : ''}
`;
}

const section = ({ title, blocks }: Explanation): Markup =>
  markup`<h2>${title}</h2>
${blocks.map(blockMarkup)}`;

function blockMarkup(block: Block): Markup {
  if (block.kind === 'table') return table(block.caption, block.titles, block.rows);
  if (block.kind === 'prose')
    return markup`<p>${block.text}</p>
`;
  return markup`<ul>${block.items.map((item) => markup`<li>${item}</li>`)}</ul>
`;
}

const adviceSection = (advice: readonly string[]): Markup =>
  markup`<h2>What to do</h2>
<ul>${advice.map((item) => markup`<li>${item}</li>`)}</ul>
`;

/** Row by row: there may be many. */
function* rangesSection(
  { paired, unpaired }: Diagnosis,
  ranges: readonly FailedRangeReport[],
): Generator<string> {
  yield '<h2>The ranges that failed</h2>\n<div class="scroll"><table><caption>In the order of the log</caption>\n';
  yield '<thead><tr><th scope="col">ship</th><th scope="col">from</th><th scope="col">to</th><th scope="col" class="number">after s</th></tr></thead>\n<tbody>\n';
  const known = ranges.slice(0, MOST_RANGES);
  const unknown = unpaired.ranges.slice(0, MOST_RANGES - known.length);
  for (const { ship, from, to, seconds: after } of known)
    yield rangeRow(ship || '(none)', from, to, twoDecimals(after));
  for (const { from, to } of unknown) yield rangeRow('(not known)', from, to, '');
  yield '</tbody></table></div>\n';
  const more = paired + unpaired.rangeCount - known.length - unknown.length;
  if (more > 0)
    yield markup`<p>… and ${formatCount(more)} more: --csv or --json has all whose ship is known</p>
`.text;
}

const rangeRow = (ship: string, from: string, to: string, after: string): string =>
  markup`<tr><td>${ship}</td><td>${from}</td><td>${to}</td><td class="number">${after}</td></tr>
`.text;
