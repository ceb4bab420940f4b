import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, test } from 'vitest';
import type { PostgresMajor } from '../../../workers/stack/postgres-binaries.ts';
import { startPostgres } from '../../../workers/stack/postgres-server.ts';
import { commandLineOf, isAlive } from '../../../activities/process-identity.ts';
import { occupiedPort } from '../../occupied-port.ts';
import { reported } from '../../reported.ts';
import { startAndDie } from '../../start-and-die.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const isRoot = process.getuid?.() === 0;
const report = () => undefined;

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return (rows as unknown[][])[0]?.[0];
  } finally {
    await client.end();
  }
}

const withPassword = (url: string, password: string): string =>
  Object.assign(new URL(url), { password }).href;

test.each<PostgresMajor>([18, 13])('PostgreSQL %i is safe, private and ours', async (major) => {
  await using folder = await temporaryFolder();
  const server = await startPostgres({ folder: folder.path, major, report });
  const setting = (name: string) => ask(server.url, `select current_setting('${name}')`);
  try {
    expect(String(await setting('server_version'))).toMatch(new RegExp(`^${major}\\.`));
    expect(await setting('fsync')).toBe('on');
    expect(await setting('synchronous_commit')).toBe('on');
    expect(await setting('listen_addresses')).toBe('127.0.0.1');
    expect(await setting('unix_socket_directories')).toBe('');
    expect(await setting('server_encoding')).toBe('UTF8');
    expect(await ask(server.url, 'select current_database()')).toBe('tenant_builder');
    expect(await ask(server.url, 'select rolpassword from pg_authid where rolsuper')).toMatch(
      /^SCRAM-SHA-256/,
    );
    await expect(ask(withPassword(server.url, 'guess'), 'select 1')).rejects.toThrow('password');
    expect((await stat(join(folder.path, 'password'))).mode & 0o777).toBe(0o600);
    const names = await readdir(folder.path);
    expect(names.filter((name) => name.includes('draft'))).toEqual([]);
  } finally {
    await server.stop();
  }
  expect(isAlive(server.pid)).toBe(false);
});

test('finds its data and its password again', async () => {
  await using folder = await temporaryFolder();
  const first = await startPostgres({ folder: folder.path, report });
  await ask(first.url, 'create table kept as select 42 as answer');
  await first.stop();
  const second = await startPostgres({ folder: folder.path, report });
  await expect(ask(second.url, 'select answer from kept')).resolves.toBe(42);
  await second.stop();
});

test('takes another port when the usual one is taken, and refuses one that the user set', async () => {
  await using folder = await temporaryFolder();
  await using other = await occupiedPort();
  const wish = startPostgres({ folder: folder.path, port: other.port, report });
  await expect(wish).rejects.toMatchObject({ code: 'port-taken' });
  await expect(wish).rejects.toThrow(String(other.port));
  await using _usual = await occupiedPort(54_329).catch(() => undefined);
  const server = await startPostgres({ folder: folder.path, report });
  expect(server.port).not.toBe(54_329);
  await server.stop();
});

test('lets a folder have one server only', async () => {
  await using folder = await temporaryFolder();
  const server = await startPostgres({ folder: folder.path, report });
  const second = startPostgres({ folder: folder.path, report });
  await expect(second).rejects.toMatchObject({ code: 'stack-running' });
  await expect(ask(server.url, 'select 1')).resolves.toBe(1);
  await server.stop();
});

test('stops the server that a killed run left, and recovers its data', async () => {
  await using folder = await temporaryFolder();
  const [left = 0] = startAndDie('postgres-server', 'startPostgres', { folder: folder.path });
  expect(isAlive(left)).toBe(true);
  const { lines, report: note } = reported();
  const server = await startPostgres({ folder: folder.path, report: note });
  expect(isAlive(left)).toBe(false);
  expect(lines.join()).toContain(`process ${left}`);
  await server.stop();
});

test('leaves a process alone that only has the process id of the old server', async () => {
  await using folder = await temporaryFolder();
  await (await startPostgres({ folder: folder.path, report })).stop();
  const innocent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await writeFile(join(folder.path, 'data', 'postmaster.pid'), `${innocent.pid}\n`);
  const server = await startPostgres({ folder: folder.path, report });
  expect(isAlive(innocent.pid!)).toBe(true);
  innocent.kill('SIGKILL');
  await server.stop();
});

test('says what its log says when it does not start', async () => {
  await using folder = await temporaryFolder();
  const settings = { shared_buffers: 'plenty' };
  const start = startPostgres({ folder: folder.path, report, settings });
  await expect(start).rejects.toMatchObject({ code: 'stack-failed' });
  await expect(start).rejects.toThrow('invalid value for parameter "shared_buffers": "plenty"');
});

test.runIf(isRoot)('runs below a folder that only root may enter', async () => {
  await using folder = await temporaryFolder(0o700);
  const home = join(folder.path, 'home', 'postgres');
  await mkdir(home, { recursive: true });
  const { lines, report: note } = reported();
  const server = await startPostgres({ folder: home, report: note });
  await expect(ask(server.url, 'select 1')).resolves.toBe(1);
  expect(lines.join()).toContain(`may not enter ${folder.path}`);
  const dataFolder = String(await ask(server.url, `select current_setting('data_directory')`));
  expect(commandLineOf(server.pid)).toContain(dataFolder);
  expect((await stat(join(home, 'password'))).uid).toBe(0);
  await server.stop();
  const again = await startPostgres({ folder: home, report });
  expect(await ask(again.url, `select current_setting('data_directory')`)).toBe(dataFolder);
  await again.stop();
  await rm(join(dataFolder, '..'), { recursive: true });
});

test('a home that cannot be written to is told', async () => {
  const home = existsSync('/proc/version') ? '/proc/version/home' : '/dev/null/home';
  const start = startPostgres({ folder: home, report });
  await expect(start).rejects.toMatchObject({ code: 'permission-denied' });
});
