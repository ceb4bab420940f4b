import type { Span } from './chunk-planning.ts';
import { describeDurations, type DurationStatistics } from './duration-statistics.ts';
import { pictureDurations, type DurationPicture } from './duration-histogram.ts';
import { adviceOn, explainVerdicts, type Explanation } from './explain-verdicts.ts';
import { MOST_DURATIONS, type DurationTally } from './duration-tally.ts';
import { formatCount, formatNoun } from './format-figures.ts';
import type { LegacyFailures, LegacyRange } from './legacy-failures.ts';
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

/** All that a report tells of the old pipeline's logs, but for the ranges whose failed query is known. */
export interface Diagnosis {
  reading: LogReading;
  failures: number;
  /** Absent where nothing failed, as everything that follows from durations. */
  found: DiagnosisOfDurations | undefined;
  byShip: { ship: string; count: number }[];
  byError: { error: string; count: number }[];
  unpaired: {
    failures: number;
    rangeCount: number;
    /** The first ones. */
    ranges: { from: string; to: string }[];
  };
  /** Failures that bear a range. */
  paired: number;
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
  return {
    reading,
    failures: failures.count,
    found: failures.count > 0 ? diagnoseDurations(failures.durations) : undefined,
    byShip: failures.ships.mostFirst().map(([ship, count]) => ({ ship, count })),
    byError: failures.errors.mostFirst().map(([error, count]) => ({ error, count })),
    unpaired: {
      failures: failures.unpairedFailures,
      rangeCount: failures.unpairedRangeCount,
      ranges: failures.unpairedRanges.map(rangeOf),
    },
    paired: failures.paired,
    ranges: failures.pairedWithShip,
    warnings: [...warningsAbout(failures), ...warningsOnBounds(failures)],
  };
}

function diagnoseDurations(tally: DurationTally): DiagnosisOfDurations {
  const durations = tally.counted();
  const judgement = judgeDurations(durations);
  return {
    statistics: describeDurations(tally, durations),
    judgement,
    picture: pictureDurations(durations, judgement.causes),
    explanations: explainVerdicts(judgement, tally.count),
    advice: adviceOn(judgement),
  };
}

/** What a person should know before trusting the list of ranges. */
function warningsAbout(failures: LegacyFailures): string[] {
  const { unpairedFailures, unpairedRangeCount, unreadableLines, distantPairs, ships } = failures;
  const withoutShip = ships.of('');
  const sentences: [number, string][] = [
    [unpairedFailures, `${queries(unpairedFailures)} failed with no range logged after it`],
    [
      unpairedRangeCount,
      `${formatNoun(unpairedRangeCount, 'range')} failed with no query logged before it: no ship is known`,
    ],
    [withoutShip, `${queries(withoutShip)} failed without a ship in its line`],
    [
      unreadableLines,
      `${formatNoun(unreadableLines, 'line')} of a failure cut off or damaged, and not counted`,
    ],
    [
      distantPairs,
      `${queries(distantPairs)} paired with a range logged over a minute apart: a line may be missing, so check the ships from there on`,
    ],
  ];
  return sentences.flatMap(([count, sentence]) => (count === 0 ? [] : [sentence]));
}

const queries = (count: number): string =>
  count === 1 ? '1 query' : `${formatCount(count)} queries`;

/** What is less exact because more came than is kept at once. */
function warningsOnBounds({
  durations: { decimals },
  overdue,
  unpairedRanges,
  unpairedRangeCount,
}: LegacyFailures): string[] {
  const isRounded = decimals !== Number.POSITIVE_INFINITY;
  const left = unpairedRangeCount - unpairedRanges.length;
  return [
    ...(isRounded
      ? [
          `over ${formatCount(MOST_DURATIONS)} different durations: their median, the most frequent ones and the verdicts are of durations rounded to ${10 ** -decimals} s`,
        ]
      : []),
    ...(overdue > 0
      ? [
          `${queries(overdue)} of those without a range came when as many others as are kept waited for theirs; of a range in their turn no ship is known`,
        ]
      : []),
    ...(left > 0
      ? [
          `of the ranges without a query only the first ${formatCount(unpairedRanges.length)} are listed`,
        ]
      : []),
  ];
}

const rangeOf = ({ fromUs, toUs }: Span) => ({
  from: formatInstant(fromUs),
  to: formatInstant(toUs),
});

export const reportOfRange = (range: LegacyRange): FailedRangeReport => ({
  ship: range.ship,
  ...rangeOf(range),
  seconds: range.seconds,
});

/** How many failures each cause has; only those that were found. */
export const verdictCounts = ({ counts }: Judgement) =>
  TIMEOUT_CAUSES.filter((cause) => counts[cause] > 0).map((cause) => ({
    cause,
    count: counts[cause],
  }));
