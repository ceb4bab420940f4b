import { reportRanges, verdictCounts, type Diagnosis } from '../../domain/diagnosis.ts';
import type { LegacyFailures } from '../../domain/legacy-failures.ts';

/** The one JSON document, in pieces: the list of ranges may be long. */
export function* diagnosisJson(diagnosis: Diagnosis, failures: LegacyFailures): Generator<string> {
  const text = JSON.stringify({ ...summaryOf(diagnosis), ranges: [] });
  yield text.slice(0, text.lastIndexOf(']'));
  let separator = '';
  for (const range of reportRanges(failures)) {
    yield `${separator}${JSON.stringify(range)}`;
    separator = ',';
  }
  yield ']}\n';
}

/** What is null where nothing failed has no meaning then. */
function summaryOf({ failures, found, byShip, byError, unpaired, warnings, reading }: Diagnosis) {
  const { statistics, judgement } = found ?? {};
  return {
    failures,
    minSeconds: statistics?.minSeconds ?? null,
    maxSeconds: statistics?.maxSeconds ?? null,
    meanSeconds: statistics?.meanSeconds ?? null,
    medianSeconds: statistics?.medianSeconds ?? null,
    over7200: statistics?.over7200 ?? 0,
    over7900: statistics?.over7900 ?? 0,
    mostFrequent: statistics?.mostFrequent ?? [],
    verdicts: judgement ? verdictCounts(judgement) : [],
    keepalive: (judgement?.keepalive ?? []).map(({ timer, fromSeconds, toSeconds, ...fit }) => ({
      hz: timer.hz,
      fromSeconds,
      toSeconds,
      count: fit.count,
      repeatedSeconds: timer.repeatedSeconds,
      repeated: fit.repeated,
      chosen: fit.isChosen,
    })),
    limits: (judgement?.limits ?? []).map(({ limitSeconds, count }) => ({ limitSeconds, count })),
    byShip,
    byError,
    unpaired,
    lines: reading.lines,
    bytes: reading.bytes,
    warnings: [...reading.notes, ...warnings],
  };
}
