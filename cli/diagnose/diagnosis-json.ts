import { verdictCounts, type Diagnosis } from '../../domain/diagnosis.ts';

/** The JSON document but for its ranges. What is null where nothing failed has no meaning then. */
export function diagnosisJson({
  failures,
  found,
  byShip,
  byError,
  unpaired,
  warnings,
  reading,
}: Diagnosis) {
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
    unpaired: { failures: unpaired.failures, ranges: unpaired.ranges },
    lines: reading.lines,
    bytes: reading.bytes,
    warnings: [...reading.notes, ...warnings],
  };
}
