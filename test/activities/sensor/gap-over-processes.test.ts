import { expect, test } from 'vitest';
import { openStreamHolder } from '../../../activities/sensor/stream-holder.ts';
import { heartbeatProfiles, type SensorEvent } from '../../../domain/sensor.ts';
import { startSimulator } from '../../../simulator/start-simulator.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const BEFORE = '2026-01-01T00:00:00.000Z';

test('a process that never gets a connection hands on the last message that it was told of', async () => {
  await using simulator = await startSimulator();
  await simulator.faults.set('refuse');
  const events: SensorEvent[] = [];
  const holder = await openStreamHolder({
    sensor: 'pier-3',
    url: simulator.urls.output,
    stream: 'output',
    profile: heartbeatProfiles.listener,
    silentAfterMs: 3_000,
    lastMessageAt: BEFORE,
    onEvent: (event) => events.push(event),
    log: silent,
  });
  const end = await holder.holdConnection({ attempt: 0, signal: new AbortController().signal });
  expect(end.reason).toBe('not-opened');
  expect(holder.status.lastMessageAt).toBe(BEFORE);

  await simulator.faults.clear();
  const stopping = new AbortController();
  const held = holder.holdConnection({ attempt: 1, signal: stopping.signal });
  await expect.poll(() => holder.status.lastGap?.from, { timeout: 20_000 }).toBe(BEFORE);
  expect(events).toContainEqual(expect.objectContaining({ event: 'gap', from: BEFORE }));
  stopping.abort();
  await held;
  await holder.finish();
});
