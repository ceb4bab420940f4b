import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { makeCertificate } from '../activities/sensor/certificates.ts';
import { smallDisk, whyNoDisks } from '../activities/sensor/recording/small-disk.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { commandWorld, type CommandWorld } from './command-world.ts';

const whyNot = await whyNoDisks();
if (whyNot) console.warn(`skipped: a test with a disk of its own needs root on Linux (${whyNot})`);

describe('a sensor session', () => {
  it.skipIf(whyNot)(
    'says that nothing is recorded while the disk is full, and then that it is',
    async () => {
      await using disk = await smallDisk(40);
      await using simulator = await startSimulator();
      const configuration = `[[sensors]]\nname = "pier-3"\nurl = "${simulator.urls.output}"\nout = "${disk.path}"\n`;
      await using world = await commandWorld({ configuration });
      await using _worker = await world.startWorker('--queue', 'sensor');
      expect((await world.fairlead('sensor', 'start', 'pier-3')).exitCode).toBe(0);
      await statusWhere(world, ({ file }) => file !== null);
      const ballast = await fill(disk.path);
      const full = await statusWhere(world, ({ recordingStopped }) => recordingStopped !== null);
      expect(full).toMatchObject({
        state: 'connected',
        reconnects: 0,
        recordingStopped: expect.stringMatching(/are free on its disk/) as string,
      });
      const { stderr } = await world.fairlead('sensor', 'status');
      expect(stderr).toMatch(/pier-3: nothing is being recorded: .* are free on its disk/);
      await rm(ballast);
      const resumed = await statusWhere(world, ({ recordingStopped }) => recordingStopped === null);
      expect(resumed).toMatchObject({ state: 'connected', reconnects: 0 });
      expect((await world.fairlead('sensor', 'status')).stderr).not.toContain('nothing is being');
      expect((await world.fairlead('sensor', 'stop')).exitCode).toBe(0);
    },
  );

  it('trusts what its `ca` has signed, for the stream and for REST', async () => {
    await using folder = await temporaryFolder();
    const certificate = makeCertificate(folder.path, 'IP:127.0.0.1');
    await using simulator = await startSimulator({ tls: certificate });
    const { output, rest } = simulator.urls;
    expect([output, rest].map((url) => new URL(url).protocol)).toEqual(['wss:', 'https:']);
    const sensor = (name: string, more: string) =>
      `[[sensors]]\nname = "${name}"\n${more}\nrest = "${rest}"\n`;
    const configuration =
      sensor('pier-3', `url = "${output}"\nca = "${certificate.file}"`) +
      sensor('pier-4', `url = "${simulator.urls.points}"\nstream = "points"`);
    await using world = await commandWorld({ configuration });
    await using _worker = await world.startWorker('--queue', 'sensor');
    expect((await world.fairlead('sensor', 'start', 'pier-3')).exitCode).toBe(0);
    const status = await statusWhere(world, ({ lastHour }) => lastHour?.rest !== undefined);
    expect(status).toMatchObject({ state: 'connected', lastHour: { rest: { errors: 0 } } });
    const list = (name: string) => world.fairlead('sensr', 'sensors', 'list', '--sensor', name);
    expect(await list('pier-3')).toMatchObject({ exitCode: 0 });
    const untrusted = await list('pier-4');
    expect(untrusted.exitCode).toBe(3);
    expect(untrusted.stderr).toContain('as `ca` of the sensor');
    expect((await world.fairlead('sensor', 'stop', 'pier-3')).exitCode).toBe(0);
  });
});

interface Status {
  file: string | null;
  recordingStopped: string | null;
  lastHour?: { rest?: object };
}

/** Asks until it is as wanted. */
async function statusWhere(
  world: CommandWorld,
  isWanted: (status: Status) => boolean,
): Promise<Status> {
  for (;;) {
    const { sensors } = (await world.fairlead('sensor', 'status', 'pier-3', '--json')).json();
    const status = sensors[0] as unknown as Status;
    if (isWanted(status)) return status;
    await sleep(200);
  }
}

/** Leaves less than recordings leave free for others. */
async function fill(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const ballast = join(folder, 'ballast');
  await writeFile(ballast, Buffer.alloc(bavail * bsize - 500_000, 1));
  return ballast;
}
