import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { runCommand } from './run-command.ts';

/** The account that PostgreSQL runs under when we are root, which it refuses to run as. */
export type Account = { name: string; uid: number; gid: number };

/** @returns `undefined` when we are not root: the server then runs as we do */
export async function postgresAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = (await lookUp('postgres')) ?? (await lookUp('nobody'));
  if (account !== undefined) return account;
  throw new Error('PostgreSQL refuses to run as root, and there is no account postgres or nobody');
}

async function lookUp(name: string): Promise<Account | undefined> {
  const [uid, gid] = await Promise.all([idOf(name, '-u'), idOf(name, '-g')]);
  return uid === undefined || gid === undefined ? undefined : { name, uid, gid };
}

async function idOf(name: string, flag: '-u' | '-g'): Promise<number | undefined> {
  const { code, stdout } = await runCommand('id', [flag, name], { timeoutMs: 5_000 });
  return code === 0 ? Number(stdout) : undefined;
}

/**
 * Whether the account can pass through a folder and every folder above it. Its only groups are its own: the
 * others are dropped when the server is started.
 *
 * @returns the folder that keeps it out; `undefined` when there is none
 */
export async function folderThatBars(
  account: Account,
  folder: string,
): Promise<string | undefined> {
  for (const each of ancestry(resolve(folder))) if (!(await mayPass(account, each))) return each;
  return undefined;
}

/** From the root down, the folder itself included. */
const ancestry = (folder: string): string[] =>
  dirname(folder) === folder ? [folder] : [...ancestry(dirname(folder)), folder];

async function mayPass({ uid, gid }: Account, folder: string): Promise<boolean> {
  const found = await stat(folder);
  const bit = found.uid === uid ? 0o100 : found.gid === gid ? 0o010 : 0o001;
  return (found.mode & bit) !== 0;
}
