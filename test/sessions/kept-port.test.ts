import { describe, expect, it } from 'vitest';
import type { OpenHolder } from '../../activities/sensor/session/held-stream.ts';
import { openStreamHolder } from '../../activities/sensor/stream-holder.ts';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { quickProfile } from '../activities/sensor/hold-lab.ts';
import { sessionLab, sessionWhere } from './session-lab.ts';

const silence = { info: () => {}, warn: () => {}, error: () => {} };

/** A real connection, with a heartbeat that is quick. */
const dialing =
  (url: string): OpenHolder =>
  (sensor, before, onEvent) =>
    openStreamHolder({
      sensor,
      url,
      stream: 'output',
      profile: quickProfile,
      silentAfterMs: 3_000,
      ...before,
      onEvent,
      log: silence,
    });

describe('a session whose peer is dead', () => {
  it('stays with its worker, whose next connection leaves from the same local port', async () => {
    await using simulator = await startSimulator();
    await using lab = await sessionLab({ open: dialing(simulator.urls.output) });
    await lab.startWorker('second');
    const handle = await lab.start();
    const { worker } = await sessionWhere(handle, ({ state }) => state === 'connected');
    await simulator.waitFor(
      ({ output }) => (output.connections[0]?.pingsAtMs.length ?? 0) > 1,
      20_000,
    );
    await simulator.faults.set('mute');
    const dead = await sessionWhere(handle, ({ state }) => state === 'waiting');
    expect(dead.reason).toContain('did not answer a ping');
    await simulator.faults.clear();
    const view = await sessionWhere(handle, ({ state }) => state === 'connected');
    expect(view).toMatchObject({ worker, reconnects: 1 });
    const { connections, tcp } = simulator.counts().output;
    const [first, ...later] = connections;
    expect(later.at(-1)!.remotePort).toBe(first!.remotePort);
    expect(tcp).toEqual({ ESTABLISHED: 1 });
  });
});
