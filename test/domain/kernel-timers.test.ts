import { describe, expect, it } from 'vitest';
import {
  firesAtJiffy,
  granularityJiffies,
  keepaliveTimer,
  KERNEL_HZ,
  retransmissionTimer,
} from '../../domain/kernel-timers.ts';

describe('the timer wheel', () => {
  it('has the steps and ranges of the table above kernel/time/timer.c', () => {
    const begins = [0, 63, 504, 4_032, 32_256, 258_048, 2_064_384, 16_515_072, 132_120_576];
    expect(begins.map(granularityJiffies)).toEqual(begins.map((_, level) => 8 ** level));
    expect(begins.slice(1).map((begin) => granularityJiffies(begin - 1))).toEqual(
      begins.slice(1).map((_, level) => 8 ** level),
    );
  });

  it('never fires early, and at most one step late', () => {
    expect(firesAtJiffy(0, 75_000)).toBe(19 * 4_096);
    expect(firesAtJiffy(19 * 4_096, 75_000)).toBe(2 * 19 * 4_096);
    expect(firesAtJiffy(0, 64)).toBe(72);
    expect(firesAtJiffy(7, 0)).toBe(8);
  });
});

describe('keepalive', () => {
  it('ends a connection where it was measured at HZ=1000', () => {
    const timer = keepaliveTimer(1_000);
    expect(timer).toMatchObject({
      stepSeconds: 262.144,
      intervalStepSeconds: 4.096,
      intervalSeconds: 77.824,
      repeatedSteps: 31,
      repeatedSeconds: 8_126.464,
    });
    expect(timer.fromSeconds).toBeCloseTo(7_900.416, 6);
    expect(timer.toSeconds).toBeCloseTo(8_162.56, 6);
  });

  it('has the step that was measured at HZ=250', () => {
    expect(keepaliveTimer(250)).toMatchObject({ stepSeconds: 131.072, repeatedSeconds: 7_995.392 });
  });

  it.each(KERNEL_HZ)('stays within its window at HZ=%i, and repeats itself', (hz) => {
    const { fromSeconds, toSeconds, repeatedSeconds } = keepaliveTimer(hz);
    let opened = 987_654_321;
    for (let turn = 0; turn < 1_000; turn++) {
      const closed = closedAt(hz, opened);
      expect((closed - opened) / hz).toBeGreaterThanOrEqual(fromSeconds);
      expect((closed - opened) / hz).toBeLessThanOrEqual(toSeconds);
      expect((closedAt(hz, closed) - closed) / hz).toBeCloseTo(repeatedSeconds, 6);
      opened += 25 * hz + turn;
    }
  });

  it('ends connections together that were opened 25 s apart, as was seen at HZ=250', () => {
    const opened = 1_000.1 * 32_768;
    expect(closedAt(250, opened + 25 * 250)).toBe(closedAt(250, opened));
  });
});

/** One timer after the other, as the kernel arms them. */
function closedAt(hz: number, openedAt: number): number {
  let now = firesAtJiffy(openedAt, 7_200 * hz);
  for (let probe = 0; probe < 9; probe++) now = firesAtJiffy(now, 75 * hz);
  return now;
}

describe('retransmission', () => {
  it('ends a connection where it was measured at HZ=1000', () => {
    const { near } = retransmissionTimer(1_000);
    expect(near.fromSeconds).toBeCloseTo(947.7, 1);
    expect(near.toSeconds).toBeCloseTo(953.6, 1);
  });

  it.each(KERNEL_HZ)('never ends before its model of 924.6 s at HZ=%i', (hz) => {
    const { near, far } = retransmissionTimer(hz);
    expect(near.fromSeconds).toBeGreaterThan(924.6);
    expect(far.toSeconds).toBeGreaterThan(near.toSeconds);
    expect(far.toSeconds).toBeLessThan(924.6 + 123);
  });
});
