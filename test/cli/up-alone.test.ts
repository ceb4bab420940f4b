import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { isAlive } from '../../activities/process-identity.ts';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { commandWorld } from './command-world.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

test('up with everything configured runs two workers, once in a home', async () => {
  await using simulator = await startSimulator();
  const configuration = `[[sensors]]\nname = "pier-3"\nurl = "${simulator.urls.output}"\n`;
  await using world = await commandWorld({ configuration });
  const up = spawn(process.execPath, [MAIN, 'up', '--json'], {
    cwd: world.folder,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TEMPORAL_ADDRESS: inject('temporalAddress') },
  });
  const [line] = (await once(createInterface(up.stdout), 'line')) as [string];
  expect(JSON.parse(line)).toMatchObject({ sensorMetricsUrl: expect.stringMatching(/^http:/) });

  const second = await world.fairlead('up', '--json');
  expect(second.exitCode).toBe(3);
  expect(second.json().error).toMatchObject({ code: 'stack-running' });
  expect(second.json().error.hint).toContain(`kill ${up.pid}`);

  const started = await world.fairlead('sensor', 'start', 'pier-3', '--json');
  expect(started.exitCode, started.stderr).toBe(0);
  await simulator.waitFor(({ output }) => output.now === 1);
  const pidFile = join(world.folder, '.fairlead', 'sensor-worker.pid');
  const { pid } = JSON.parse(await readFile(pidFile, 'utf8')) as { pid: number };
  expect(pid).not.toBe(up.pid);

  up.kill('SIGTERM');
  const [exitCode] = (await once(up, 'close')) as [number | null];
  expect(exitCode).toBe(0);
  expect(isAlive(pid)).toBe(false);
  expect(simulator.counts().output.connections.at(-1)).toMatchObject({ closeCode: 1000 });
}, 120_000);
