import type { Command } from 'commander';
import { diagnose, type Diagnosis } from '../domain/diagnosis.ts';
import { formatCount } from '../domain/format-figures.ts';
import { LegacyFailures } from '../domain/legacy-failures.ts';
import { addCommand, note, type CommonOptions } from './command.ts';
import { requireFiles } from './diagnose/choose-files.ts';
import { diagnosisJson } from './diagnose/diagnosis-json.ts';
import { diagnosisPage, MOST_RANGES } from './diagnose/diagnosis-page.ts';
import { diagnosisText, MOST_LINES } from './diagnose/diagnosis-text.ts';
import type { Canvas } from './diagnose/histogram-text.ts';
import { print } from './diagnose/print.ts';
import { RangeOutputs } from './diagnose/range-outputs.ts';
import { readLogs } from './diagnose/read-logs.ts';
import { writeWhole } from './diagnose/write-whole.ts';
import { documentOfFailure, reportFailure } from './report-failure.ts';
import { printable } from '../domain/printable.ts';
import { shellWord } from '../domain/shell-word.ts';

type Options = CommonOptions & { csv?: string; html?: string };

const USUAL_WIDTH = 80;

/** `fairlead diagnose <a.log…>` */
export function addDiagnose(program: Command): void {
  addCommand(program, {
    usage: 'diagnose',
    summary: "the statistics of the old pipeline's logs, and what they prove",
    examples: [
      'fairlead diagnose a.log',
      'fairlead diagnose a.log.1.gz a.log --csv post_proc.csv --html report.html',
    ],
  })
    .argument('<log...>', "the old pipeline's logs, gzipped or not; - is the standard input")
    .option('--csv <file>', 'write the ranges that failed there, in the form of post_proc.csv')
    .option('--html <file>', 'write the report there as one page')
    .action((logs: string[], options: Options) => diagnoseLogs(logs, options));
}

async function diagnoseLogs(logs: readonly string[], options: Options): Promise<void> {
  const { csv, html, json = false } = options;
  await requireFiles({ logs, csv, html });
  const most = html === undefined ? MOST_LINES : MOST_RANGES;
  await using ranges = await RangeOutputs.open(most, csv, json);
  try {
    process.exitCode = await report(logs, ranges, options);
  } catch (error) {
    if (!ranges.hasBegunJson) throw error;
    await ranges.finishJson(documentOfFailure(error));
    reportFailure(error, []);
  }
}

/** @returns the exit code */
async function report(
  logs: readonly string[],
  ranges: RangeOutputs,
  { csv, html, json }: Options,
): Promise<number> {
  const failures = new LegacyFailures(ranges.add);
  const { reading, isWhole } = await readLogs(logs, failures, () => ranges.flush());
  const diagnosis = diagnose(failures, reading);
  if (csv !== undefined) {
    await ranges.finishCsv();
    note(`${csv}: ${formatCount(diagnosis.ranges)} ranges; ${nextStep(csv, diagnosis)}`);
  }
  if (html !== undefined) {
    await writeWhole(html, diagnosisPage(diagnosis, ranges.first, logs));
    note(`${html}: the report as a page`);
  }
  if (json) await ranges.finishJson(diagnosisJson(diagnosis));
  else await print(`${printable(diagnosisText(diagnosis, ranges.first, canvas()))}\n`);
  return isWhole ? 0 : 4;
}

function nextStep(csv: string, { failures, ranges, unpaired }: Diagnosis): string {
  const left = failures - ranges + unpaired.rangeCount;
  return left === 0
    ? `to migrate them: fairlead reprocess ${shellWord(csv)}`
    : `${formatCount(left)} without a ship or a range are not in it`;
}

function canvas(): Canvas {
  const { isTTY, columns } = process.stdout;
  const isDumb = process.env.TERM === 'dumb';
  return {
    width: columns ?? USUAL_WIDTH,
    isColoured: isTTY && !isDumb && !process.env.NO_COLOR,
  };
}
