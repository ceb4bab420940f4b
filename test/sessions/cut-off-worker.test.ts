import { describe, expect, it } from 'vitest';
import { cuttablePath } from '../../bench/cuttable-path.ts';
import { sessionLab, sessionWhere, vouchedForSince } from './session-lab.ts';

// About a minute: a heartbeat timeout of ten seconds has to pass twice.
describe('a worker that alone is cut off from Temporal', () => {
  it('closes its connection within the bound, and another worker has the stream', async () => {
    await using lab = await sessionLab({ holdAloneMs: 20_000, firstByPath: cuttablePath });
    const handle = await lab.start();
    await sessionWhere(handle, ({ state }) => state === 'connected');
    await lab.startWorker('second');
    const cutAt = Date.now();
    lab.path!.cut();
    await lab.server.until(({ dials }) => dials.length === 2);
    const [old, next] = lab.server.dials;
    expect(next!.worker).toBe('second');
    expect(next!.dialedAt - cutAt).toBeLessThan(22_000);
    await lab.server.until(({ open }) => open.length === 1);
    expect(old!.isOpen).toBe(false);
    expect(old!.endedAt! - cutAt).toBeLessThan(20_000 + 12_000);
    lab.path!.mend();
    await vouchedForSince(handle, Date.now());
    expect(lab.server.open).toEqual([next]);
  });

  it('closes its connection at once when it finds that another one has dialed', async () => {
    await using lab = await sessionLab({ firstByPath: cuttablePath });
    const handle = await lab.start();
    await sessionWhere(handle, ({ state }) => state === 'connected');
    await lab.startWorker('second');
    lab.path!.cut();
    await lab.server.until(({ dials }) => dials.length === 2);
    const mendedAt = Date.now();
    lab.path!.mend();
    await lab.server.until(({ open }) => open.length === 1);
    expect(lab.server.open[0]!.worker).toBe('second');
    expect(Date.now() - mendedAt).toBeLessThan(30_000);
  });
});
