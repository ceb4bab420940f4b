import { describe, expect, it } from 'vitest';
import { DurationTally } from '../../domain/duration-tally.ts';
import { explainVerdicts } from '../../domain/explain-verdicts.ts';
import { keepaliveTimer, KERNEL_HZ } from '../../domain/kernel-timers.ts';
import { judgeDurations } from '../../domain/timeout-verdicts.ts';
import { incidentSeconds } from '../legacy-log.ts';

const GONE = 'connection already closed';

function judge(seconds: readonly number[], error: string | ((index: number) => string) = GONE) {
  const tally = new DurationTally();
  const errorAt = typeof error === 'string' ? () => error : error;
  seconds.forEach((each, index) => tally.add(each, errorAt(index)));
  return judgeDurations(tally.counted());
}

/** The same numbers in every run, spread evenly over `[from, to)`. */
function spread(count: number, from: number, to: number): number[] {
  let state = 42;
  return Array.from({ length: count }, () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return from + ((to - from) * state) / 2_147_483_648;
  });
}

const chosenHz = ({ keepalive }: ReturnType<typeof judge>) =>
  keepalive.filter(({ isChosen }) => isChosen).map(({ timer }) => timer.hz);

describe('what ended a query', () => {
  it('was keepalive at HZ=1000 in the incident, and retransmission once', () => {
    const judgement = judge(incidentSeconds());
    expect(judgement.counts).toEqual({
      'tcp-keepalive': 88,
      'tcp-retransmission': 1,
      'statement-timeout': 0,
      unknown: 1,
    });
    expect(judgement.keepalive[0]).toMatchObject({
      timer: { hz: 1_000 },
      count: 88,
      repeated: 42,
      isChosen: true,
    });
    expect(judgement.hzIsOpen).toBe(false);
    expect(judgement.betweenProbes).toBe(1);
  });

  it.each(KERNEL_HZ)('was keepalive, at the HZ that made the durations: %i', (hz) => {
    const { fromSeconds, toSeconds } = keepaliveTimer(hz);
    const judgement = judge(spread(40, fromSeconds, toSeconds));
    expect(chosenHz(judgement)).toEqual([hz]);
    expect(judgement.counts['tcp-keepalive']).toBe(40);
  });

  it('may have been keepalive at any HZ when there is one failure', () => {
    const judgement = judge([7_950.13]);
    expect(judgement.counts['tcp-keepalive']).toBe(1);
    expect(judgement.hzIsOpen).toBe(true);
  });

  it('was HZ=1000 when the one failure took 31 steps of its wheel', () => {
    expect(chosenHz(judge([8_126.46]))).toEqual([1_000]);
  });

  it.each([60, 900, 1_800, 3_600, 7_200, 14_400])('was a limit of %i s', (limit) => {
    const judgement = judge(spread(12, limit, limit + 3));
    expect(judgement.counts['statement-timeout']).toBe(12);
    expect(judgement.limits).toMatchObject([{ limitSeconds: limit, count: 12 }]);
  });

  it('was a limit where the server says so, whatever the duration', () => {
    const words = 'canceling statement due to statement timeout';
    expect(judge([12.5, 4_001, 8_126.46], words).counts['statement-timeout']).toBe(3);
  });

  it('was no dead connection where the server spoke', () => {
    const judgement = judge([7_950, 8_126.46], 'deadlock detected');
    expect(judgement.counts.unknown).toBe(2);
    expect(judgement.answeredByServer).toBe(2);
  });

  it('is unknown when durations are spread evenly', () => {
    const judgement = judge(spread(300, 0, 9_500));
    expect(judgement.counts.unknown).toBe(300);
  });

  it('is unknown just below a limit, and for one of many just above', () => {
    expect(judge([3_590, 3_595, 3_599.5, 3_599.9]).counts.unknown).toBe(4);
    expect(judge([3_600.5, 40, 80, 900.1, 2_500]).counts.unknown).toBe(5);
  });

  it('tells several causes apart in one log', () => {
    const { fromSeconds, toSeconds } = keepaliveTimer(250);
    const seconds = [
      ...spread(30, fromSeconds, toSeconds),
      ...spread(10, 1_800, 1_801),
      941,
      300.7,
    ];
    expect(judge(seconds).counts).toEqual({
      'tcp-keepalive': 30,
      'tcp-retransmission': 1,
      'statement-timeout': 10,
      unknown: 1,
    });
  });
});

describe('the words of the report', () => {
  const wordsOn = (seconds: readonly number[], error?: string) =>
    JSON.stringify(explainVerdicts(judge(seconds, error), seconds.length));

  it('show the arithmetic, and say that it was no server timeout', () => {
    const words = wordsOn(incidentSeconds());
    expect(words).toContain('88 of 90 failures: TCP keepalive of the client. It was no server');
    expect(words).toContain('7,900.416 to 8,162.56 s');
    expect(words).toContain('31 × 262.144 = 8,126.464 s');
    expect(words).toContain('19 × 4.096 = 77.824 s');
    expect(words).toContain('947.721 to 953.573 s');
    expect(words).toContain('HZ=1000');
  });

  it('say that it was a limit, and how late', () => {
    expect(wordsOn([3_600.2, 3_600.4, 3_600.9, 3_601])).toContain(
      '"3,600 s","3,600 to 3,618 s","4"',
    );
  });

  it('say when nothing can be said', () => {
    expect(wordsOn([1, 20, 333])).toContain('nothing can be said');
  });
});
