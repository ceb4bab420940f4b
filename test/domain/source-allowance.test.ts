import { describe, expect, it } from 'vitest';
import {
  allAllowed,
  nextAllowance,
  sentenceOfRestraint,
  strainOf,
  type SourceAllowance,
  type SourceHealth,
} from '../../domain/source-allowance.ts';

const CEILING = 16;
const limits = { maxLatencyMs: 1_000, maxActive: 40, maxReplicationLagMs: 10_000 };
const well: SourceHealth = { latencyMs: 2, active: 3, replicationLagMs: 0, inFlight: 0 };
const slow: SourceHealth = { ...well, latencyMs: 1_400 };

const after = (looks: readonly SourceHealth[], from = allAllowed(CEILING)): SourceAllowance =>
  looks.reduce((before, health) => nextAllowance(before, health, limits, CEILING), from);
const times = (count: number, health: SourceHealth) => Array.from({ length: count }, () => health);

describe('what the source is allowed to have in flight', () => {
  it('is halved at each look that finds something over its limit, and never below one', () => {
    const counts = [1, 2, 3, 4, 5].map((count) => after(times(count, slow)).slots);
    expect(counts).toEqual([8, 4, 2, 1, 1]);
  });

  it('is half of what is in flight where that is less than allowed', () => {
    expect(after([{ ...slow, inFlight: 6 }]).slots).toBe(3);
  });

  it('is one more after three calm looks in a row', () => {
    const lowered = after([slow, slow]);
    expect(after(times(2, well), lowered).slots).toBe(4);
    expect(after(times(3, well), lowered).slots).toBe(5);
    expect(after([well, well, slow, well, well], lowered).slots).toBe(2);
  });

  it('has its reason until all is allowed again', () => {
    const lowered = after([slow]);
    expect(after(times(21, well), lowered)).toMatchObject({ slots: 15, strain: { found: 1_400 } });
    expect(after(times(24, well), lowered)).toEqual(allAllowed(CEILING));
  });

  it.each<[string, Partial<SourceHealth>, string]>([
    ['latency', { latencyMs: 1_001 }, 'it took 1.0 s to answer (maxLatency 1.0 s)'],
    ['active', { active: 41 }, 'others had 41 active connections (maxActive 40)'],
    [
      'replication-lag',
      { replicationLagMs: 12_340 },
      'its replication lagged by 12.3 s (maxReplicationLag 10.0 s)',
    ],
  ])('is less for %s, and says why', (cause, found, words) => {
    const strain = strainOf({ ...well, ...found }, limits)!;
    expect(strain.cause).toBe(cause);
    expect(sentenceOfRestraint({ slots: 8, ceiling: CEILING, ...strain })).toBe(
      `the source is spared: 8 of 16 chunks allowed in flight, since ${words}`,
    );
  });

  it('is all where nothing is limited, or nothing is seen', () => {
    const unseen = { ...well, active: undefined, replicationLagMs: undefined };
    const unlimited = { ...limits, maxActive: undefined, maxReplicationLagMs: undefined };
    expect(strainOf(unseen, limits)).toBeUndefined();
    expect(strainOf({ ...well, active: 900, replicationLagMs: 1e9 }, unlimited)).toBeUndefined();
  });
});
