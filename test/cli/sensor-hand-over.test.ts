import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { sensorWorld } from './sensor-world.ts';

const SECOND_MS = 1_000;
/** 13 s are usual and 15 are promised; the rest is for a machine that runs other tests as well. */
const HAND_OVER_MS = 20 * SECOND_MS;

describe('sensor sessions whose worker', () => {
  it('is killed go over to another, with the gap and a new segment', async () => {
    await using world = await sensorWorld();
    const { simulator, fairlead } = world;
    await using first = await world.startWorker();
    await fairlead('sensor', 'start');
    await using _second = await world.startWorker();
    await simulator.waitFor(({ output }) => output.connections[0]!.messages > 20);
    const killedAt = Date.now();
    first.kill('SIGKILL');
    await simulator.waitFor(({ output }) => output.now === 1 && output.ever === 2, 60_000);
    expect(Date.now() - killedAt).toBeLessThan(HAND_OVER_MS);
    await simulator.waitFor(({ output }) => output.connections[1]!.messages > 10);
    const { sensors } = (await fairlead('sensor', 'status', '--json')).json();
    expect(sensors).toMatchObject([{ state: 'connected', reconnects: 1 }]);
    const { from, to } = sensors[0]!['lastGap'] as { from: string; to: string };
    expect(Date.parse(from)).toBeLessThan(killedAt + 500);
    expect(Date.parse(to)).toBeGreaterThan(killedAt + 5 * SECOND_MS);
    expect(await world.recordings()).toHaveLength(2);
    await fairlead('sensor', 'stop');
  });

  it('is stopped for eight seconds keep their connection', async () => {
    await using world = await sensorWorld();
    const { simulator, fairlead } = world;
    await using worker = await world.startWorker();
    await fairlead('sensor', 'start');
    await simulator.waitFor(({ output }) => output.connections[0]!.messages > 20);
    worker.kill('SIGSTOP');
    await sleep(8 * SECOND_MS);
    worker.kill('SIGCONT');
    const sent = simulator.counts().output.connections[0]!.messages;
    await simulator.waitFor(({ output }) => output.connections[0]!.messages > sent + 150, 60_000);
    expect(simulator.counts().output).toMatchObject({ now: 1, ever: 1 });
    const { sensors } = (await fairlead('sensor', 'status', '--json')).json();
    expect(sensors).toMatchObject([{ state: 'connected', reconnects: 0 }]);
    await fairlead('sensor', 'stop');
  });
});
