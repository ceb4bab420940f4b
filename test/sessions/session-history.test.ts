import { describe, expect, it } from 'vitest';
import { sessionLab, sessionWhere } from './session-lab.ts';

describe('the history of a sensor session', () => {
  it('climbs the ladder while the sensor is offline, and leaves no events', async () => {
    await using lab = await sessionLab();
    lab.server.mode = 'refuse';
    const handle = await lab.start();
    await lab.server.until(({ dials }) => dials.length === 3);
    const { historyLength } = await handle.describe();
    await lab.server.until(({ dials }) => dials.length === 5);
    const gaps = lab.server.dials
      .slice(1)
      .map(({ dialedAt }, index) => dialedAt - lab.server.dials[index]!.endedAt!);
    for (const [step, gapMs] of gaps.entries()) {
      expect(gapMs).toBeGreaterThanOrEqual(0.8 * 1_000 * 2 ** step - 20);
      expect(gapMs).toBeLessThan(1_000 * 2 ** step + 3_000);
    }
    expect((await handle.describe()).historyLength).toBe(historyLength);
    await sessionWhere(
      handle,
      ({ state, reason }) => state === 'waiting' && reason === 'connect ECONNREFUSED',
    );
  });

  it('begins a new history without touching its connection', async () => {
    await using lab = await sessionLab({ shortHistory: true });
    const handle = await lab.start();
    const current = lab.client.workflow.getHandle(handle.workflowId);
    await sessionWhere(handle, ({ state }) => state === 'connected');
    const runs = new Set<string>();
    for (let silences = 0; runs.size < 3; silences++) {
      lab.server.silent = !lab.server.silent;
      const state = lab.server.silent ? 'silent' : 'connected';
      await sessionWhere(current, (view) => view.state === state);
      runs.add((await current.describe()).runId);
    }
    expect(lab.server.dials).toHaveLength(1);
    expect(lab.server.open).toHaveLength(1);
  });
});
