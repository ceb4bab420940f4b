import { describe, expect, it } from 'vitest';
import { describeDurations } from '../../domain/duration-statistics.ts';
import { pictureDurations } from '../../domain/duration-histogram.ts';
import { DurationTally } from '../../domain/duration-tally.ts';
import type { TimeoutCause } from '../../domain/timeout-verdicts.ts';
import { incidentSeconds } from '../legacy-log.ts';

const GONE = 'connection already closed';

function tallyOf(seconds: Iterable<number>, most?: number): DurationTally {
  const tally = new DurationTally(most);
  for (const each of seconds) tally.add(each, GONE);
  return tally;
}

function describeAll(seconds: Iterable<number>, most?: number) {
  const tally = tallyOf(seconds, most);
  return describeDurations(tally, tally.counted());
}

describe('the statistics of durations', () => {
  it('are those that were published of the incident', () => {
    expect(describeAll(incidentSeconds())).toMatchObject({
      minSeconds: 950.27,
      maxSeconds: 8_159.23,
      meanSeconds: 7_963.72,
      medianSeconds: 8_122.89,
      over7200: 89,
      over7900: 88,
    });
  });

  it('put what is most frequent first', () => {
    const [first, second] = describeAll(incidentSeconds()).mostFrequent;
    expect([first, second?.count]).toEqual([{ seconds: 8_126.46, count: 42 }, 1]);
  });

  it('have the middle one of an odd number', () => {
    expect(describeAll([3, 1, 2]).medianSeconds).toBe(2);
    expect(describeAll([7_200]).over7200).toBe(0);
  });
});

describe('the tally of durations', () => {
  it('has what each one counts, by who spoke in the error', () => {
    const tally = tallyOf([2, 1, 2]);
    tally.add(2, 'canceling statement due to statement timeout');
    tally.add(2, 'deadlock detected');
    expect(tally.counted()).toEqual({
      seconds: Float64Array.of(1, 2, 2, 2),
      counts: Float64Array.of(1, 2, 1, 1),
      voices: ['silence', 'silence', 'server', 'statement-timeout'],
    });
    expect(describeDurations(tally, tally.counted()).mostFrequent[0]).toEqual({
      seconds: 2,
      count: 4,
    });
  });

  it('loses nothing of a log that has two decimals, and says how far it rounds what has more', () => {
    const hundredths = Array.from({ length: 100 }, (_, index) => 8_126 + index / 100);
    expect(tallyOf(hundredths, 100).decimals).toBe(Number.POSITIVE_INFINITY);
    const finer = hundredths.flatMap((seconds) => [seconds, seconds + 0.001]);
    const rounded = tallyOf(finer, 100);
    expect(rounded.decimals).toBe(2);
    expect(rounded.counted().seconds).toEqual(Float64Array.from(hundredths));
  });

  it('keeps no more than its bound, and count, ends, mean and shares exact', () => {
    const seconds = Array.from({ length: 1_000 }, (_, index) => 7_000 + index * 1.23);
    const exact = describeAll(seconds);
    const tally = tallyOf(seconds, 50);
    const bounded = tally.counted();
    expect([tally.decimals, bounded.seconds.length <= 50]).toEqual([-2, true]);
    expect(bounded.counts.reduce((sum, count) => sum + count)).toBe(1_000);
    const { medianSeconds, mostFrequent, ...rest } = describeDurations(tally, bounded);
    expect(exact).toMatchObject(rest);
    expect(Math.abs(medianSeconds - exact.medianSeconds)).toBeLessThanOrEqual(50);
    expect(mostFrequent[0]!.count).toBeGreaterThan(75);
  });
});

describe('the picture of durations', () => {
  const picture = (seconds: number[]) => {
    const durations = tallyOf(seconds).counted();
    return pictureDurations(
      durations,
      durations.voices.map((): TimeoutCause => 'unknown'),
    );
  };

  it('shows all of them, and most of them closer', () => {
    const { overview, closeUp } = picture(incidentSeconds());
    const sum = (bins: { count: number }[]) => bins.reduce((all, { count }) => all + count, 0);
    expect(sum(overview.bins)).toBe(90);
    expect(sum(closeUp!.bins)).toBe(88);
    expect(closeUp!.bins.find(({ count }) => count === 42)?.fromSeconds).toBe(8_120);
  });

  it.each([[[5]], [[0, 0]], [[0.004, 0.005]], [[1, 1e9]]])('needs few bars for %j', (seconds) => {
    const { overview } = picture(seconds);
    expect(overview.bins.length).toBeLessThanOrEqual(20);
    expect(overview.bins.reduce((all, { count }) => all + count, 0)).toBe(seconds.length);
  });
});
