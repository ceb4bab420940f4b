import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { startSimulator, type Simulator } from '../../simulator/start-simulator.ts';
import { isAlive } from '../../activities/process-identity.ts';
import { occupiedPort } from '../occupied-port.ts';
import { startOwnStack, type OwnStack } from '../chaos/own-stack.ts';

const sensorAt = ({ urls }: Simulator): string =>
  `[[sensors]]\nname = "pier-3"\nurl = "${urls.output}"\nout = "recordings"\n`;

const pidIn = async (stack: OwnStack, file: string): Promise<number> =>
  (JSON.parse(await readFile(join(stack.folder, '.fairlead', file), 'utf8')) as { pid: number })
    .pid;

const textOf = async (url: string | null): Promise<string> => (await fetch(url ?? '')).text();

test('up runs sensors in a process of their own, and status shows both halves', async () => {
  await using simulator = await startSimulator();
  let pids: number[];
  {
    await using stack = await startOwnStack(sensorAt(simulator));
    pids = [await pidIn(stack, 'worker.pid'), await pidIn(stack, 'sensor-worker.pid')];
    expect(new Set(pids.filter(isAlive)).size).toBe(2);

    const started = await stack.start('sensor', 'start', 'pier-3').outcome;
    expect(started.exitCode, started.stderr).toBe(0);
    await simulator.waitFor(({ output }) => output.now === 1);
    const status = await stack.start('status').outcome;
    expect(status.exitCode, status.stderr).toBe(0);
    expect(status.json).toMatchObject({
      ships: [],
      sensors: [{ sensor: 'pier-3', state: 'connected', reconnects: 0, lastGap: null }],
    });
    expect(await textOf(stack.ready.sensorMetricsUrl)).toMatch(/fairlead_\w*connect/);
    expect(await textOf(stack.ready.metricsUrl)).not.toMatch(/fairlead_\w*connect/);
  }
  expect(pids.filter(isAlive)).toEqual([]);
  const { output } = simulator.counts();
  expect(output).toMatchObject({ now: 0, peak: 1 });
  expect(output.connections.at(-1)).toMatchObject({ closeCode: 1000 });
}, 120_000);

test("up starts the sensors' worker again when it is killed, also where its metrics port is taken by then", async () => {
  await using simulator = await startSimulator();
  await using stack = await startOwnStack(sensorAt(simulator));
  const started = await stack.start('sensor', 'start', 'pier-3').outcome;
  expect(started.exitCode, started.stderr).toBe(0);
  await simulator.waitFor(({ output }) => (output.connections[0]?.messages ?? 0) > 0);
  const before = await pidIn(stack, 'sensor-worker.pid');
  const migrating = await pidIn(stack, 'worker.pid');

  await stack.kill('sensorWorker');
  const metricsPort = Number(new URL(stack.ready.sensorMetricsUrl ?? '').port);
  await using _taken = await vi.waitFor(() => occupiedPort(metricsPort), 900);
  await simulator.waitFor(({ output }) => output.ever === 2 && output.now === 1, 40_000);

  expect(await pidIn(stack, 'sensor-worker.pid')).not.toBe(before);
  expect(await pidIn(stack, 'worker.pid')).toBe(migrating);
  expect(simulator.counts().output.peak).toBe(1);
  const stopped = await stack.start('sensor', 'stop', 'pier-3').outcome;
  expect(stopped.exitCode, stopped.stderr).toBe(0);
  const files = await readdir(join(stack.folder, 'recordings'));
  expect(files.filter((file) => file.endsWith('.mcap'))).toHaveLength(2);
  expect(files.filter((file) => !file.endsWith('.mcap'))).toEqual([]);
}, 120_000);

test('up starts no worker for sensors where none is configured', async () => {
  await using stack = await startOwnStack('');
  expect(stack.ready.sensorMetricsUrl).toBeNull();
  await expect(pidIn(stack, 'sensor-worker.pid')).rejects.toMatchObject({ code: 'ENOENT' });
}, 120_000);
