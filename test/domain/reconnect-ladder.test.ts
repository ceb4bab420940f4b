import { describe, expect, it } from 'vitest';
import { nextAttempt, reconnectDelayMs } from '../../domain/reconnect-ladder.ts';

describe('the reconnect ladder', () => {
  it('doubles from 1 s to 60 s, and stays there', () => {
    const delays = [0, 1, 2, 3, 4, 5, 6, 7, 5_000].map((step) => reconnectDelayMs(step, 0));
    expect(delays).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000));
  });

  it('takes off up to a fifth', () => {
    expect(reconnectDelayMs(3, 0.5)).toBe(7_200);
    expect(reconnectDelayMs(3, 1)).toBe(6_400);
  });

  it('goes on after a connection that was not healthy, and starts again after one that was', () => {
    expect(nextAttempt({ attempt: 0, healthy: false }, 0)).toEqual({ attempt: 1, delayMs: 1_000 });
    expect(nextAttempt({ attempt: 4, healthy: false }, 0)).toEqual({ attempt: 5, delayMs: 16_000 });
    expect(nextAttempt({ attempt: 4, healthy: true }, 0)).toEqual({ attempt: 1, delayMs: 1_000 });
  });
});
