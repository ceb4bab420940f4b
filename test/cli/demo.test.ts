import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, test, vi } from 'vitest';
import { temporaryFolder } from '../temporary-folder.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

function startDemo(folder: string) {
  const { FAIRLEAD_HOME: _home, ...env } = process.env;
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
  return spawn(process.execPath, [MAIN, 'demo', '--json'], { cwd: folder, stdio, env });
}

/** Runs `fairlead demo --json` to its end, as `npm start` would without a terminal. */
async function runDemo(folder: string) {
  const child = startDemo(folder);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr };
}

/** In the middle of it, with everything running. */
async function killDemo(folder: string): Promise<void> {
  const recordings = join(folder, '.fairlead', 'demo-recordings');
  const child = startDemo(folder);
  const ended = once(child, 'close');
  const recordsNow = async () => (await readdir(recordings)).some((name) => name.endsWith('.part'));
  await vi.waitFor(async () => expect(await recordsNow()).toBe(true), 60_000);
  child.kill('SIGKILL');
  await ended;
}

// It imports, migrates and proves three million cells, twice.
test('the demo proves both halves, ends by itself, leaves nothing, and can be repeated, also after a kill', async () => {
  await using folder = await temporaryFolder();
  const home = join(folder.path, '.fairlead');
  const cli = inject('temporalCliPath');
  await mkdir(join(home, 'cache'), { recursive: true });
  await symlink(cli, join(home, 'cache', basename(cli)));
  for (let round = 1; round <= 2; round++) {
    if (round === 2) await killDemo(folder.path);
    const { exitCode, stdout, stderr } = await runDemo(folder.path);
    expect(exitCode, `${stdout}${stderr}`).toBe(0);
    const { ships, sensors } = JSON.parse(stdout) as {
      ships: { verified: boolean }[];
      sensors: { messages: number; recorded: number }[];
    };
    expect(ships.map(({ verified }) => verified)).toEqual([true, true, true]);
    expect(sensors).toMatchObject([
      { sensor: 'pier-3', connections: 2, gaps: 1, verified: true, files: [expect.any(String)] },
    ]);
    expect(sensors[0]!.recorded).toBe(sensors[0]!.messages);
    const left = await readdir(home, { recursive: true });
    expect(left.filter((name) => /\.pid$|\.lock$|stack\.json$|\.part$/.test(name))).toEqual([]);
    const recordings = left.filter((name) => name.endsWith('.mcap'));
    expect(recordings).toHaveLength(round === 1 ? 1 : 3);
  }
}, 240_000);
