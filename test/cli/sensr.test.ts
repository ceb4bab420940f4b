import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { anyFreePort } from '../../workers/stack/choose-port.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const MAIN = join(packageRoot, 'dist', 'cli', 'main.js');

/** Runs a command in a folder with this `fairlead.toml`, or without one. */
async function fairlead(words: readonly string[], configuration?: string) {
  await using folder = await temporaryFolder();
  if (configuration !== undefined) {
    await writeFile(join(folder.path, 'fairlead.toml'), configuration);
  }
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder.path,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, stdout, stderr, json: () => JSON.parse(stdout) as Record<string, unknown> };
}

const sensor = (name: string, port: number, rest?: string) =>
  `[[sensors]]\nname = "${name}"\nurl = "ws://127.0.0.1:${port}"\n` +
  (rest === undefined ? '' : `rest = "${rest}"\n`);

const list = ['sensr', 'sensors', 'list'];

describe('which sensor server', () => {
  it('is asked, where nothing says it', async () => {
    const { exitCode, stderr } = await fairlead(list);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('no sensor is configured');
    expect(stderr).toContain('--base http://sensor.example:9080');
  });

  it('is the only one that is configured, also with two streams', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const { rest } = simulator.urls;
    const configuration = sensor('pier-3', 1, rest) + sensor('pier-3-points', 2, `${rest}/`);
    const answer = await fairlead([...list, '--json'], configuration);
    expect(answer).toMatchObject({ exitCode: 0, stderr: '' });
    expect(answer.json()).toEqual({
      server: new URL(rest).host,
      sensors: ['lidar_0000', 'lidar_0001'],
    });
  });

  it('is named among several, and its password is shown to nobody', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const { rest } = simulator.urls;
    const secret = rest.replace('//', '//me:hunter2@');
    const configuration =
      sensor('pier-3', 1, secret) + sensor('pier-4', 2, 'http://127.0.0.1:1') + sensor('pier-5', 3);
    const which = await fairlead(list, configuration);
    expect(which.exitCode).toBe(2);
    expect(which.stderr).toContain(`pier-3 (${rest}), pier-4 (http://127.0.0.1:1)`);
    const named = await fairlead([...list, '--sensor', 'pier-3'], configuration);
    expect(named).toMatchObject({ exitCode: 0, stdout: 'lidar_0000\nlidar_0001\n' });
    const typo = await fairlead([...list, '--sensor', 'peir-4'], configuration);
    expect(typo).toMatchObject({ exitCode: 2 });
    expect(typo.stderr).toContain('type --sensor pier-4');
    const without = await fairlead([...list, '--sensor', 'pier-5'], configuration);
    expect(without.exitCode).toBe(2);
    expect(without.stderr).toContain('pier-5 has no REST address');
    const answers = [which, named, typo, without];
    expect(answers.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toContain('hunter2');
  });

  it('is the one of --base, beside a configuration that is broken', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const answer = await fairlead([...list, '--base', simulator.urls.rest], 'sensors = 3');
    expect(answer).toMatchObject({ exitCode: 0, stdout: 'lidar_0000\nlidar_0001\n' });
  });

  it('that is down is told with 75, after four attempts', async () => {
    const base = `http://127.0.0.1:${await anyFreePort()}`;
    const { exitCode, stderr, json } = await fairlead([...list, '--base', base, '--json']);
    expect(exitCode).toBe(75);
    expect(stderr.match(/trying again/g)).toHaveLength(3);
    expect(json()).toMatchObject({ error: { code: 'rest-unreachable' } });
  });
});

describe('fairlead sensr', () => {
  it('creates, changes and removes a zone, and says how it is put to use', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const at = ['--base', simulator.urls.rest];
    const body =
      '{"name":"g","zone_type":"Event","vertices":[[0,0],[1,0],[1,1]],"min_z":0,"max_z":2}';
    const created = await fairlead(['sensr', 'zones', 'create', '--body', body, ...at, '--json']);
    expect(created.exitCode).toBe(0);
    const id = String(created.json()['created']);
    const renamed = body.replace('"g"', '"gate"');
    const updated = await fairlead(['sensr', 'zones', 'update', id, '--body', renamed, ...at]);
    expect(updated).toMatchObject({ exitCode: 0 });
    expect(updated.stdout).toContain('apply-change');
    const zone = await fairlead(['sensr', '--json', 'zones', 'get', id, ...at]);
    expect(zone.json()).toMatchObject({ zone: { name: 'gate', id: Number(id) } });
    const other = ['sensr', 'zones', 'update', id, '--body', '{"id":1}', ...at];
    expect(await fairlead(other)).toMatchObject({ exitCode: 2 });
    const removed = await fairlead(['sensr', 'zones', 'delete', id, ...at]);
    expect(removed).toMatchObject({ exitCode: 0 });
    const again = await fairlead(['sensr', 'zones', 'delete', id, ...at]);
    expect(again).toMatchObject({ exitCode: 3, stdout: '' });
    expect(again.stderr).toContain(`fairlead sensr zones list --base ${simulator.urls.rest}`);
  });

  it('opens a project, refuses one that is not there with 3, and tells prose apart', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const project = (...words: string[]) =>
      fairlead(['sensr', 'project', ...words, '--base', simulator.urls.rest]);
    expect(await project('load', 'harbour')).toMatchObject({ exitCode: 0 });
    expect(await project('current')).toMatchObject({ exitCode: 0, stdout: 'harbour\n' });
    const unknown = await project('load', 'nowhere');
    expect(unknown.exitCode).toBe(3);
    expect(unknown.stderr).toContain('answered 500: "Failed to open \\"nowhere\\"."');
    const prose = await project('list', '--path', '/nowhere');
    expect(prose.exitCode).toBe(3);
    expect(prose.stderr).toContain('No projects found under');
  });

  it('tells the health of each part', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const health = await fairlead(['sensr', 'health', '--base', simulator.urls.rest]);
    expect(health.exitCode).toBe(0);
    expect(health.stdout).toMatch(/algo_0000\/lidar_0001 +SENSOR_ALIVE/);
  });
});

describe('fairlead sensr request', () => {
  it('shows the answer, and fails with 4 unless it is 200', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const at = ['--base', simulator.urls.rest];
    const zones = await fairlead(['sensr', 'request', 'get', '/V/settings/zone', ...at]);
    expect(zones).toMatchObject({ exitCode: 0, stdout: '[1001,1002]\n' });
    const wrong = await fairlead(['sensr', 'request', 'GET', '/nope', ...at, '--json']);
    expect(wrong.exitCode).toBe(4);
    expect(wrong.json()).toMatchObject({ good: 0, statuses: { 404: 1 } });
    await simulator.faults.set('rest', { kind: 'half' });
    const half = await fairlead(['sensr', 'request', 'GET', '/results/health', ...at]);
    expect(half.exitCode).toBe(75);
    const put = await fairlead([
      'sensr',
      'request',
      'PUT',
      '/V/settings/zone',
      '--api',
      'v3.5',
      ...at,
    ]);
    expect(put.exitCode).toBe(3);
    expect(put.stderr).toContain('it may have happened nevertheless');
  });

  it('makes 1,000 calls over at most 20 connections, and leaves none', async () => {
    await using simulator = await startSimulator({ hertz: 1 });
    const many = ['--count', '1000', '--concurrency', '50', '--json'];
    const words = ['sensr', 'request', 'GET', '/results/health', '--base', simulator.urls.rest];
    const answer = await fairlead([...words, ...many]);
    expect(answer.exitCode).toBe(0);
    expect(answer.json()).toMatchObject({ calls: 1_000, good: 1_000, statuses: { 200: 1_000 } });
    const { rest } = await simulator.waitFor((counts) => counts.rest.now === 0);
    expect(rest.ever).toBeLessThanOrEqual(20);
    expect(rest.tcp?.['TIME_WAIT'] ?? 0).toBe(0);
  });
});
