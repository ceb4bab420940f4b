import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { stop } from '../../workflows/sensor-messages.ts';
import { ownTemporal } from './own-temporal.ts';
import { sessionLab, sessionWhere, vouchedForSince, type SessionLab } from './session-lab.ts';

// Longer than a minute, because that is the outage that is promised to be survived: `npm run test:slow`.
const OUTAGE_MS = 60_000;
const SENSORS = ['pier-1', 'pier-2', 'pier-3', 'pier-4'];

async function connectAll(lab: SessionLab) {
  const handles = await Promise.all(SENSORS.map((sensor) => lab.start(sensor)));
  for (const handle of handles) await sessionWhere(handle, ({ state }) => state === 'connected');
  return handles;
}

describe.runIf(process.env['SLOW_TESTS'])('Temporal away for a minute', () => {
  it('ends no connection, with one worker and with two', { timeout: 180_000 }, async () => {
    await using temporal = await ownTemporal();
    const { address } = temporal;
    await using one = await sessionLab({ address });
    await using two = await sessionLab({ address });
    await two.startWorker('second');
    const handles = [...(await connectAll(one)), ...(await connectAll(two))];
    await temporal.stop();
    await sleep(OUTAGE_MS);
    await temporal.start();
    const startedAt = Date.now();
    await Promise.all(handles.map((handle) => vouchedForSince(handle, startedAt)));
    for (const { server } of [one, two]) {
      expect(server.dials).toHaveLength(SENSORS.length);
      expect(server.open).toHaveLength(SENSORS.length);
    }
    for (const handle of handles) {
      await handle.executeUpdate(stop);
      await handle.result();
    }
    expect([...one.server.open, ...two.server.open]).toEqual([]);
  });
});
