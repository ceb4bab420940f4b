import { describe, expect, it } from 'vitest';
import { connectionState, reconnect, reconnects, stop } from '../../workflows/sensor-messages.ts';
import { sessionLab, sessionWhere } from './session-lab.ts';

describe('a sensor session', () => {
  it('connects, tells so, and stops with code 1000 at once', async () => {
    await using lab = await sessionLab();
    const handle = await lab.start();
    const view = await sessionWhere(handle, ({ state }) => state === 'connected');
    expect(view).toMatchObject({ sensor: 'pier-3', reconnects: 0, stopping: false });
    expect(view.connectedSince).toBeDefined();
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(connectionState)).toBe('connected');
    const askedAt = Date.now();
    await handle.executeUpdate(stop);
    const report = await handle.result();
    expect(Date.now() - askedAt).toBeLessThan(5_000);
    expect(report).toMatchObject({ sensor: 'pier-3', reconnects: 0 });
    expect(lab.server.open).toEqual([]);
    expect(lab.server.finished).toEqual(['first']);
  });

  it('dials again a second after a healthy connection was lost', async () => {
    await using lab = await sessionLab();
    const handle = await lab.start();
    await sessionWhere(handle, ({ state }) => state === 'connected');
    lab.server.open[0]!.end({});
    await lab.server.until(({ dials }) => dials.length === 2);
    const gapMs = lab.server.dials[1]!.dialedAt - lab.server.dials[0]!.endedAt!;
    expect(gapMs).toBeGreaterThanOrEqual(800);
    expect(gapMs).toBeLessThan(5_000);
    await sessionWhere(handle, (view) => view.reconnects === 1);
    const { typedSearchAttributes } = await handle.describe();
    expect(typedSearchAttributes.get(reconnects)).toBe(1);
  });

  it('opens another connection at once when told to reconnect, also while it waits', async () => {
    await using lab = await sessionLab();
    const handle = await lab.start();
    await sessionWhere(handle, ({ state }) => state === 'connected');
    await handle.executeUpdate(reconnect);
    await lab.server.until(({ dials, open }) => dials.length === 2 && open.length === 1);
    expect(lab.server.peak).toBe(1);
    lab.server.mode = 'refuse';
    lab.server.open[0]!.end({ healthy: false });
    await lab.server.until(({ dials }) => dials.length === 5);
    lab.server.mode = 'serve';
    const askedAt = Date.now();
    await handle.executeUpdate(reconnect);
    await sessionWhere(handle, ({ state }) => state === 'connected');
    expect(Date.now() - askedAt).toBeLessThan(5_000);
  });

  it('is handed over when its worker is told to end, and closed there first', async () => {
    await using lab = await sessionLab();
    const second = await lab.startWorker('second');
    const handle = await lab.start();
    const { worker } = await sessionWhere(handle, ({ state }) => state === 'connected');
    const [holder, other] = worker === second.identity ? [second, lab.first] : [lab.first, second];
    await holder.stop();
    await lab.server.until(({ dials, open }) => dials.length === 2 && open.length === 1);
    expect(lab.server.peak).toBe(1);
    expect(lab.server.dials[1]!.dialedAt - lab.server.dials[0]!.endedAt!).toBeLessThan(12_000);
    const view = await sessionWhere(handle, ({ reconnects: count }) => count === 1);
    expect(view.worker).toBe(other.identity);
  });

  it('is cancelled from the UI with its connection closed', async () => {
    await using lab = await sessionLab();
    const handle = await lab.start();
    await sessionWhere(handle, ({ state }) => state === 'connected');
    await handle.cancel();
    await expect(handle.result()).rejects.toThrow('cancelled');
    expect(lab.server.open).toEqual([]);
    expect(lab.server.finished).toEqual(['first']);
  });
});
