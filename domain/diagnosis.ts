import { describeDurations, type DurationStatistics } from './duration-statistics.ts';
import { pictureDurations, type DurationPicture } from './duration-histogram.ts';
import { adviceOn, explainVerdicts, type Explanation } from './explain-verdicts.ts';
import type { LegacyFailures } from './legacy-failures.ts';
import { formatPostProc } from './post-proc.ts';
import { judgeDurations, TIMEOUT_CAUSES, type Judgement } from './timeout-verdicts.ts';
import { formatInstant } from './time.ts';

/** What was read to come to a diagnosis. */
export interface LogReading {
  files: number;
  lines: number;
  bytes: number;
  /** What a reader should know of: a file that breaks off, bytes that are no UTF-8. */
  notes: string[];
}

/** All that a report tells of the old pipeline's logs, but for the list of ranges. */
export interface Diagnosis {
  reading: LogReading;
  failures: number;
  /** Absent where nothing failed, as everything that follows from durations. */
  found: DiagnosisOfDurations | undefined;
  byShip: { ship: string; count: number }[];
  byError: { error: string; count: number }[];
  unpaired: { failures: number; ranges: { from: string; to: string }[] };
  /** Failures that bear a ship and a range: those that can be migrated anew. */
  ranges: number;
  warnings: string[];
}

export interface DiagnosisOfDurations {
  statistics: DurationStatistics;
  judgement: Judgement;
  picture: DurationPicture;
  explanations: Explanation[];
  advice: string[];
}

/** A range that failed, as a report tells it. */
export interface FailedRangeReport {
  ship: string;
  from: string;
  to: string;
  seconds: number;
}

/** Comes to a diagnosis of all that was read. */
export function diagnose(failures: LegacyFailures, reading: LogReading): Diagnosis {
  const ships = new Map<string, number>();
  const errors = new Map<string, number>();
  let ranges = 0;
  for (const { ship, error, range } of failures) {
    ships.set(ship, (ships.get(ship) ?? 0) + 1);
    errors.set(error, (errors.get(error) ?? 0) + 1);
    if (range && ship !== '') ranges++;
  }
  const unpairedRanges = failures.unpairedRanges.map(({ fromUs, toUs }) => ({
    from: formatInstant(fromUs),
    to: formatInstant(toUs),
  }));
  return {
    reading,
    failures: failures.count,
    found: failures.count > 0 ? diagnoseDurations(failures) : undefined,
    byShip: mostFirst(ships).map(([ship, count]) => ({ ship, count })),
    byError: mostFirst(errors).map(([error, count]) => ({ error, count })),
    unpaired: { failures: failures.unpairedFailures, ranges: unpairedRanges },
    ranges,
    warnings: warningsAbout(failures, ships.get('') ?? 0),
  };
}

function diagnoseDurations(failures: LegacyFailures): DiagnosisOfDurations {
  const { seconds } = failures;
  const judgement = judgeDurations(seconds, (index) => failures.errorAt(index));
  return {
    statistics: describeDurations(seconds),
    judgement,
    picture: pictureDurations(seconds, judgement.causes),
    explanations: explainVerdicts(judgement, failures.count),
    advice: adviceOn(judgement),
  };
}

const mostFirst = (counts: Map<string, number>): [string, number][] =>
  [...counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));

/** What a person should know before trusting the list of ranges. */
function warningsAbout(failures: LegacyFailures, withoutShip: number): string[] {
  const { unpairedFailures, unpairedRanges, unreadableLines, distantPairs } = failures;
  const cases: [number, (count: string) => string][] = [
    [unpairedFailures, (n) => `${n} failed with no range logged after it`],
    [unpairedRanges.length, (n) => `${n} failed with no query logged before it: no ship is known`],
    [withoutShip, (n) => `${n} failed without a ship in its line`],
    [unreadableLines, (n) => `${n} of a failure cut off or damaged, and not counted`],
    [
      distantPairs,
      (n) =>
        `${n} paired with a range logged over a minute apart: a line may be missing, so check the ships from there on`,
    ],
  ];
  const nouns = ['query', 'range', 'query', 'line', 'query'];
  const many = ['queries', 'ranges', 'queries', 'lines', 'queries'];
  return cases.flatMap(([count, say], index) =>
    count === 0
      ? []
      : [say(`${count.toLocaleString('en-US')} ${(count === 1 ? nouns : many)[index]}`)],
  );
}

/** Every range with its ship, in the order of the log. */
export function* reportRanges(failures: LegacyFailures): Generator<FailedRangeReport> {
  for (const { ship, seconds, range } of failures) {
    if (range === undefined) continue;
    yield { ship, from: formatInstant(range.fromUs), to: formatInstant(range.toUs), seconds };
  }
}

/** The lines of `post_proc.csv`: the ranges whose ship is known, in the order of the log. */
export function* postProcLines(failures: LegacyFailures): Generator<string> {
  for (const { ship, range } of failures) {
    if (range && ship !== '') yield formatPostProc({ ship, ...range });
  }
}

/** How many failures each cause has; only those that were found. */
export const verdictCounts = ({ counts }: Judgement) =>
  TIMEOUT_CAUSES.filter((cause) => counts[cause] > 0).map((cause) => ({
    cause,
    count: counts[cause],
  }));
