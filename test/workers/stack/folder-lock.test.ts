import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FolderLockedError, lockFolder } from '../../../workers/stack/folder-lock.ts';
import { identify, isSameProcess } from '../../../activities/process-identity.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

test('has one owner at a time, and none after the release', async () => {
  await using folder = await temporaryFolder();
  const lock = lockFolder(folder.path);
  expect(() => lockFolder(folder.path)).toThrow(FolderLockedError);
  lock.release();
  lockFolder(folder.path).release();
  expect(await readdir(folder.path)).toEqual([]);
});

test('is taken over from a process that is gone', async () => {
  await using folder = await temporaryFolder();
  const child = spawn(process.execPath, ['-e', '0']);
  const gone = identify(child.pid!);
  await once(child, 'exit');
  await writeFile(join(folder.path, 'owner.lock'), JSON.stringify(gone));
  lockFolder(folder.path).release();
});

test('is taken over when the process id now belongs to another process', async () => {
  await using folder = await temporaryFolder();
  const other = { pid: process.pid, startedAt: 'before this process was born' };
  await writeFile(join(folder.path, 'owner.lock'), JSON.stringify(other));
  expect(isSameProcess(other)).toBe(false);
  lockFolder(folder.path).release();
});

test('names the owner that lives', async () => {
  await using folder = await temporaryFolder();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  await writeFile(join(folder.path, 'owner.lock'), JSON.stringify(identify(child.pid!)));
  expect(() => lockFolder(folder.path)).toThrow(`process ${child.pid}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  lockFolder(folder.path).release();
});

test('is taken over from a remover that died in the middle', async () => {
  await using folder = await temporaryFolder();
  for (const name of ['owner.lock', 'owner.lock.removal'])
    await writeFile(join(folder.path, name), JSON.stringify({ pid: 999_999_999, startedAt: '' }));
  lockFolder(folder.path).release();
  expect(await readdir(folder.path)).toEqual([]);
});
