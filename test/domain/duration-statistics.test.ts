import { describe, expect, it } from 'vitest';
import { describeDurations } from '../../domain/duration-statistics.ts';
import { pictureDurations } from '../../domain/duration-histogram.ts';
import type { TimeoutCause } from '../../domain/timeout-verdicts.ts';
import { incidentSeconds } from '../legacy-log.ts';

describe('the statistics of durations', () => {
  it('are those that were published of the incident', () => {
    expect(describeDurations(Float64Array.from(incidentSeconds()))).toMatchObject({
      minSeconds: 950.27,
      maxSeconds: 8_159.23,
      meanSeconds: 7_963.72,
      medianSeconds: 8_122.89,
      over7200: 89,
      over7900: 88,
    });
  });

  it('put what is most frequent first', () => {
    const [first, second] = describeDurations(Float64Array.from(incidentSeconds())).mostFrequent;
    expect([first, second?.count]).toEqual([{ seconds: 8_126.46, count: 42 }, 1]);
  });

  it('have the middle one of an odd number', () => {
    expect(describeDurations(Float64Array.of(3, 1, 2)).medianSeconds).toBe(2);
    expect(describeDurations(Float64Array.of(7_200)).over7200).toBe(0);
  });
});

describe('the picture of durations', () => {
  const picture = (seconds: number[]) =>
    pictureDurations(
      Float64Array.from(seconds),
      seconds.map((): TimeoutCause => 'unknown'),
    );

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
