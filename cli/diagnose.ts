import { once } from 'node:events';
import type { Command } from 'commander';
import { formatCount } from '../domain/format-figures.ts';
import { diagnose, postProcLines, type Diagnosis } from '../domain/diagnosis.ts';
import type { LegacyFailures } from '../domain/legacy-failures.ts';
import { addCommand, note, type CommonOptions } from './command.ts';
import { requireFiles } from './diagnose/choose-files.ts';
import { diagnosisJson } from './diagnose/diagnosis-json.ts';
import { diagnosisPage } from './diagnose/diagnosis-page.ts';
import { diagnosisText } from './diagnose/diagnosis-text.ts';
import type { Canvas } from './diagnose/histogram-text.ts';
import { readLogs } from './diagnose/read-logs.ts';
import { inBatches, writeWhole } from './diagnose/write-whole.ts';

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
  await requireFiles({ logs, csv: options.csv, html: options.html });
  const { failures, reading, isWhole } = await readLogs(logs);
  const diagnosis = diagnose(failures, reading);
  await writeFiles(diagnosis, failures, logs, options);
  await print(
    options.json
      ? diagnosisJson(diagnosis, failures)
      : [`${diagnosisText(diagnosis, failures, canvas())}\n`],
  );
  process.exitCode = isWhole ? 0 : 4;
}

async function writeFiles(
  diagnosis: Diagnosis,
  failures: LegacyFailures,
  logs: readonly string[],
  { csv, html }: Options,
): Promise<void> {
  if (csv !== undefined) {
    await writeWhole(csv, postProcLines(failures));
    note(`${csv}: ${formatCount(diagnosis.ranges)} ranges; ${nextStep(csv, diagnosis)}`);
  }
  if (html !== undefined) {
    await writeWhole(html, diagnosisPage(diagnosis, failures, logs));
    note(`${html}: the report as a page`);
  }
}

function nextStep(csv: string, { failures, ranges, unpaired }: Diagnosis): string {
  const left = failures - ranges + unpaired.ranges.length;
  return left === 0
    ? `to migrate them: fairlead reprocess ${csv}`
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

/** Piece by piece, as fast as the reader of stdout takes it. */
async function print(pieces: Iterable<string>): Promise<void> {
  for (const piece of inBatches(pieces))
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}
