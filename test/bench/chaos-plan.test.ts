import { describe, expect, it } from 'vitest';
import { faultKinds, planChaos } from '../../bench/chaos/chaos-plan.ts';

const TEN_MINUTES = { totalMs: 600_000, everyMs: 3_000, seed: 1 };

describe('planChaos', () => {
  it('plans the same from the same seed, and something else from another', () => {
    expect(planChaos(TEN_MINUTES)).toEqual(planChaos(TEN_MINUTES));
    expect(planChaos({ ...TEN_MINUTES, seed: 2 })).not.toEqual(planChaos(TEN_MINUTES));
  });

  it('plans every kind before any kind twice', () => {
    const first = planChaos(TEN_MINUTES).slice(0, faultKinds.length);
    expect(new Set(first.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
  });

  it('never kills a server that is down, nor locks what is locked', () => {
    const servers = planChaos(TEN_MINUTES).filter(({ kind }) => kind.startsWith('PostgreSQL'));
    expect(servers.length).toBeGreaterThan(5);
    for (const [index, { atMs }] of servers.slice(1).entries())
      expect(atMs).toBeGreaterThan(servers[index]!.atMs + servers[index]!.forMs);
  });

  it('has no fault that lasts beyond its end', () => {
    for (const { atMs, forMs } of planChaos(TEN_MINUTES))
      expect(atMs + forMs).toBeLessThanOrEqual(TEN_MINUTES.totalMs);
  });

  it('leaves out what cannot be done here', () => {
    const kinds = planChaos({ ...TEN_MINUTES, leftOut: ['disk full'] }).map(({ kind }) => kind);
    expect(kinds).not.toContain('disk full');
  });
});
