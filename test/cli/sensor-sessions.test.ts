import { describe, expect, it } from 'vitest';
import { sensorWorld } from './sensor-world.ts';

describe('sensor sessions from the command line', () => {
  it('start, show how they are, and stop with code 1000', async () => {
    await using world = await sensorWorld();
    const { simulator, fairlead } = world;
    await using _worker = await world.startWorker();
    const started = await fairlead('sensor', 'start', 'pier-3', '--json');
    expect(started.exitCode, started.stderr).toBe(0);
    expect(started.json().sensors).toMatchObject([{ sensor: 'pier-3', state: 'connected' }]);
    await simulator.waitFor(({ output }) => output.connections[0]!.messages > 20);
    const status = (await fairlead('sensor', 'status', '--json')).json();
    expect(status.sensors).toMatchObject([
      { sensor: 'pier-3', state: 'connected', reconnects: 0, lastGap: null },
    ]);
    const [sensor] = status.sensors;
    expect(sensor!['messagesPerSecond']).toBeGreaterThan(5);
    expect(sensor!['file']).toMatch(/pier-3.*\.mcap\.part$/);
    expect(sensor!['lastHour']).toMatchObject({ connects: 1, rest: { errors: 0 } });
    const again = await fairlead('sensor', 'start', 'pier-3');
    expect(again.stdout).toContain('pier-3: runs already; connected since');
    const stopped = await fairlead('sensor', 'stop', 'pier-3');
    expect(stopped.exitCode, stopped.stderr).toBe(0);
    const [connection] = simulator.counts().output.connections;
    expect(connection).toMatchObject({ closeCode: 1000, end: 'client-closed' });
    expect(await world.recordings()).toEqual([expect.stringMatching(/^pier-3.*\.mcap$/)]);
    const after = (await fairlead('sensor', 'status', '--json')).json();
    expect(after.sensors).toMatchObject([{ state: 'stopped', connectedSince: null }]);
    expect((await fairlead('sensor', 'stop', 'pier-3')).exitCode).toBe(2);
  });

  it('are told of with no worker, and go on when there is one', async () => {
    await using world = await sensorWorld();
    const { simulator, fairlead } = world;
    const absent = await fairlead('sensor', 'start', 'pier-3');
    expect(absent.exitCode).toBe(3);
    expect(absent.stderr).toContain('fairlead worker --queue sensor');
    {
      await using _worker = await world.startWorker();
      await simulator.waitFor(({ output }) => (output.connections[0]?.messages ?? 0) > 5, 30_000);
    }
    expect(simulator.counts().output.connections[0]).toMatchObject({ closeCode: 1000 });
    expect(await world.recordings()).toEqual([expect.stringMatching(/\.mcap$/)]);
    const status = await fairlead('sensor', 'status', '--json');
    expect(status.exitCode).toBe(0);
    expect(status.stderr).toContain('no worker answers');
    expect(status.json().sensors).toMatchObject([{ state: 'waiting', connectedSince: null }]);
    await using _worker = await world.startWorker();
    await simulator.waitFor(({ output }) => output.now === 1, 30_000);
    expect((await fairlead('sensor', 'stop')).exitCode).toBe(0);
  });

  it('say why a sensor cannot be had', async () => {
    await using world = await sensorWorld(
      '[[sensors]]\nname = "pier-4"\nurl = "ws://127.0.0.1:1"\n',
    );
    const { fairlead } = world;
    for (const verb of ['start', 'stop', 'hold']) {
      const unknown = await fairlead('sensor', verb, 'pier-33', '--json');
      expect(unknown.exitCode).toBe(2);
      expect(unknown.json().error).toMatchObject({
        code: 'usage-invalid',
        hint: `did you mean: fairlead sensor ${verb} pier-3`,
      });
    }
    const far = await fairlead('sensor', 'stop', 'lighthouse', '--json');
    expect(far.json().error.hint).toMatch(/^add \[\[sensors\]\] with name = "lighthouse"/);
    await using _worker = await world.startWorker();
    const offline = await fairlead('sensor', 'start', 'pier-4', '--json');
    expect(offline.json().sensors).toMatchObject([{ state: 'waiting' }]);
    expect(offline.stderr).toContain('pier-4: 127.0.0.1:1 refuses connections');
    await fairlead('sensor', 'stop', 'pier-4');
  });

  it('say what to do where the worker does not know the sensor', async () => {
    await using world = await sensorWorld();
    const { fairlead } = world;
    await using _worker = await world.startWorker();
    await world.configure('[[sensors]]\nname = "buoy"\nurl = "ws://127.0.0.1:1"\n');
    const untold = await fairlead('sensor', 'start', 'buoy', '--json');
    expect(untold.json().sensors).toMatchObject([{ state: 'waiting' }]);
    expect(untold.stderr).toMatch(/buoy: no \[\[sensors\]\].*→ add it to fairlead.toml and start/);
    expect((await fairlead('sensor', 'stop', 'buoy')).exitCode).toBe(0);
  });

  it('say at once that slots are full, and what to type', async () => {
    await using world = await sensorWorld(
      '[worker]\nsensorSlots = 1\n[[sensors]]\nname = "pier-4"\nurl = "POINTS"\nstream = "points"\n',
    );
    const { fairlead } = world;
    await using worker = await world.startWorker();
    expect(worker.log()).toContain('more sensors configured than this worker has slots');
    expect((await fairlead('sensor', 'start', 'pier-3')).exitCode).toBe(0);
    const full = await fairlead('sensor', 'start', 'pier-4', '--json');
    expect(full.exitCode).toBe(3);
    expect(full.json().error).toMatchObject({ code: 'sensor-slots-taken' });
    expect(full.json().error.hint).toContain('sensorSlots');
    expect((await fairlead('sensor', 'stop')).exitCode).toBe(0);
  });
});
