import type { Command } from 'commander';
import { listProofs } from '../activities/postgres/list-ledger.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { formatCount } from '../domain/format-figures.ts';
import { exitCodeOfKind } from '../domain/errors.ts';
import { namesOf } from '../domain/names.ts';
import { formatPostProc, type FailedRange } from '../domain/post-proc.ts';
import { formatInstant } from '../domain/time.ts';
import type { Configuration } from '../workers/configuration.ts';
import { openDatabases } from '../workers/open-databases.ts';
import { requireBothOrNeither } from '../workers/resolve-database.ts';
import { connectTemporal } from '../workers/temporal-client.ts';
import { locateTemporal } from '../workers/temporal-location.ts';
import { explained } from './ask-workflow.ts';
import { addCommand, note, readConfiguration, writeData, type CommonOptions } from './command.ts';
import { jsonText } from '../domain/printable.ts';
import { untilDetached, watchShips, worstOf } from './migrate-ships.ts';
import { jsonOfReport, reportOfProgress, reportTable } from './migration-verdict.ts';
import { readRanges } from './read-ranges.ts';
import { openParts, rangesByShip, startReprocesses, type RangesOfShip } from './start-reprocess.ts';
import type { Watched } from './watch-migration.ts';
import { shellWords } from '../domain/shell-word.ts';

/** `fairlead reprocess <post_proc.csv>` */
export function addReprocess(program: Command): void {
  addCommand(program, {
    usage: 'reprocess',
    summary: 'migrate exactly the ranges of a file, and list on stdout those that still fail',
    examples: [
      'fairlead reprocess post_proc.csv > still_failing.csv',
      'fairlead failed --csv | fairlead reprocess -',
    ],
  })
    .argument(
      '<file>',
      'lines of ship,from,to, such as `fairlead failed --csv` writes; - for stdin',
    )
    .action(async (file: string, options: CommonOptions) => {
      process.exitCode = await reprocess(file, options);
    });
}

async function reprocess(file: string, options: CommonOptions): Promise<number> {
  const configuration = readConfiguration(options);
  requireBothOrNeither(configuration);
  await using databases = openDatabases(configuration, 2);
  const ranges = await readRanges(file, databases);
  const ships = rangesByShip(ranges);
  const open = await stillOpen(databases, ships);
  const proven = countProven(ranges, open);
  note(startSentence(ranges, ships, proven));
  const openShips = ships.filter(({ ship }) => open.some((part) => part.ship === ship));
  const result = { ranges: { total: ranges.length, proven }, watched: [] as Watched[] };
  if (open.length === 0) return conclude(result, [], options);
  try {
    result.watched = await reprocessShips(openShips, false, configuration);
  } catch (error) {
    // The next step is to type the same again: what is open is told here too.
    if (!options.json) writeRanges(await stillOpen(databases, ships).catch(() => open));
    throw error;
  }
  return conclude(result, await stillOpen(databases, ships), options);
}

/** How many of the file's ranges are proven in all of their length. */
function countProven(ranges: readonly FailedRange[], open: readonly FailedRange[]): number {
  const isOpen = (range: FailedRange): boolean =>
    open.some(
      ({ ship, fromUs, toUs }) => ship === range.ship && fromUs < range.toUs && range.fromUs < toUs,
    );
  return ranges.filter((range) => !isOpen(range)).length;
}

function startSentence(
  ranges: readonly FailedRange[],
  ships: readonly RangesOfShip[],
  proven: number,
): string {
  if (ranges.length === 0) return 'the file has no ranges: there is nothing to do';
  const ofShips = ships.length === 1 ? ships[0]!.ship : `${ships.length} ships`;
  const separate = ships.reduce((sum, { spans }) => sum + spans.length, 0);
  const merged = separate < ranges.length ? `, ${separate} without what overlaps or touches,` : '';
  const areProven = proven === 1 ? '1 is' : `${proven} are`;
  return `of ${ranges.length} ranges of ${ofShips}${merged} ${areProven} proven already`;
}

async function stillOpen(
  { target }: MigrationDatabases,
  ships: readonly RangesOfShip[],
): Promise<FailedRange[]> {
  if (ships.length === 0) return [];
  const ranges = ships.flatMap(({ ship, spans }) => spans.map((span) => ({ ship, ...span })));
  return openParts(ships, await listProofs(target, ranges));
}

/**
 * Starts or joins the ships' reprocesses, and follows them to their ends.
 *
 * @throws {FairleadError} `migration-differs`, `worker-absent`, or what is being waited for
 */
export async function reprocessShips(
  ships: readonly RangesOfShip[],
  redo: boolean,
  configuration: Configuration,
): Promise<Watched[]> {
  await using temporal = await connectTemporal(locateTemporal(configuration));
  const names = namesOf(configuration.migration.installation);
  try {
    return await untilDetached(async (signal) => {
      const started = await startReprocesses(temporal, names, ships, redo, configuration);
      return watchShips(temporal, names, started, signal);
    });
  } catch (error) {
    throw explained(error, temporal);
  }
}

interface Result {
  ranges: { total: number; proven: number };
  watched: readonly Watched[];
}

/** Stdout has what is still open and nothing else, so that it can be the next file; the rest is on stderr. */
function conclude(
  { ranges, watched }: Result,
  open: readonly FailedRange[],
  { json }: CommonOptions,
): number {
  const reports = watched.flatMap(reportOf);
  if (reports.length > 0) process.stderr.write(`${reportTable(reports)}\n`);
  for (const sentence of sentencesOn(watched, open)) note(sentence);
  if (json) {
    const failing = open.map(({ ship, fromUs, toUs }) => ({
      ship,
      from: formatInstant(fromUs),
      to: formatInstant(toUs),
    }));
    const ships = reports.map(jsonOfReport);
    process.stdout.write(`${jsonText({ ships, ranges, failing })}\n`);
  } else writeRanges(open);
  const failures = watched.flatMap((one) => (one.end === 'failed' ? [one.error] : []));
  const isDetached = watched.some(({ end }) => end === 'detached');
  const ofOpen = open.length === 0 ? 0 : isDetached ? 75 : 4;
  return worstOf([...failures.map(({ kind }) => exitCodeOfKind[kind]), ofOpen]);
}

const writeRanges = (ranges: readonly FailedRange[]): void =>
  writeData(ranges.map(formatPostProc).join(''));

const reportOf = (one: Watched) => {
  if (one.end === 'finished') return [one.report];
  if (one.end === 'failed' || !one.last) return [];
  const report = reportOfProgress(one.last);
  return [one.end === 'cancelled' ? { ...report, phase: 'cancelled' as const } : report];
};

function* sentencesOn(
  watched: readonly Watched[],
  open: readonly FailedRange[],
): Generator<string> {
  for (const one of watched) {
    if (one.end === 'failed') {
      const { message, hint } = one.error;
      yield hint ? `${message} → ${hint}` : message;
    }
    if (one.end === 'finished' && one.report.cells.quarantined > 0) {
      const { ship, cells } = one.report;
      yield `warning: ${ship}: ${formatCount(cells.quarantined)} cells went into quarantine`;
    }
  }
  if (open.length === 0) return;
  const ships = [...new Set(open.map(({ ship }) => ship))];
  const ranges = open.length === 1 ? '1 range is' : `${open.length} ranges are`;
  if (watched.some(({ end }) => end === 'detached'))
    yield `detached; it goes on. The same file joins it again; to end it: fairlead cancel ${shellWords(ships)}`;
  else yield `${ranges} still failing; to see why: fairlead failed ${shellWords(ships)}`;
}
