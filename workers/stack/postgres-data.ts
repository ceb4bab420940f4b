import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError } from '../../domain/errors.ts';
import type { Account } from './postgres-account.ts';
import type { PostgresBinaries, PostgresMajor } from './postgres-binaries.ts';
import { lastLine, runCommand } from './run-command.ts';
import { writePrivateFile } from './write-private-file.ts';

export const POSTGRES_USER = 'fairlead';

const INITDB_LIMIT_MS = 120_000;

/**
 * Makes the data folder on the first start, and finds it again on each later one. It appears under its name only
 * when it is whole: what a killed start left is removed.
 *
 * @param options.passwordFile stays with the one who started us, readable by nobody else
 * @returns the password of the superuser
 */
export async function preparePostgresData(options: {
  dataFolder: string;
  passwordFile: string;
  binaries: PostgresBinaries;
  account: Account | undefined;
  major: PostgresMajor;
}): Promise<string> {
  const { dataFolder, passwordFile } = options;
  const found = await majorOf(dataFolder);
  if (found === undefined) return await createData(options);
  if (found !== options.major) throw otherMajor(dataFolder, found, options.major);
  const password = await readFile(passwordFile, 'utf8').catch(() => '');
  if (password === '') throw passwordLost(dataFolder, passwordFile);
  return password.trim();
}

async function majorOf(dataFolder: string): Promise<number | undefined> {
  const text = await readFile(join(dataFolder, 'PG_VERSION'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : Number(text);
}

async function createData(options: {
  dataFolder: string;
  passwordFile: string;
  binaries: PostgresBinaries;
  account: Account | undefined;
}): Promise<string> {
  const { dataFolder, account } = options;
  await removeDrafts(dataFolder);
  const draft = `${dataFolder}.draft-${randomBytes(4).toString('hex')}`;
  const password = randomBytes(24).toString('base64url');
  try {
    await mkdir(draft, { mode: 0o700 });
    if (account) await chown(draft, account.uid, account.gid);
    await runInitdb({ ...options, draft, password });
    writePrivateFile(options.passwordFile, password);
    await rename(draft, dataFolder);
    return password;
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function removeDrafts(dataFolder: string): Promise<void> {
  const parent = join(dataFolder, '..');
  for (const name of await readdir(parent))
    if (join(parent, name).startsWith(`${dataFolder}.draft-`))
      await rm(join(parent, name), { recursive: true, force: true });
}

async function runInitdb(options: {
  binaries: PostgresBinaries;
  account: Account | undefined;
  draft: string;
  password: string;
}): Promise<void> {
  const { account, draft, password } = options;
  const passwordFile = `${draft}.password`;
  try {
    await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
    if (account) await chown(passwordFile, account.uid, account.gid);
    const result = await runCommand(options.binaries.initdb, initdbArguments(draft, passwordFile), {
      timeoutMs: INITDB_LIMIT_MS,
      cwd: draft,
      env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
      ...(account && { uid: account.uid, gid: account.gid }),
    });
    if (result.code !== 0) throw initdbFailed(result.stderr || result.stdout);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

const initdbArguments = (dataFolder: string, passwordFile: string): string[] => [
  '-D',
  dataFolder,
  '-U',
  POSTGRES_USER,
  `--pwfile=${passwordFile}`,
  '--auth=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
];

/** The line that says what failed stands before those about cleaning up. */
function initdbFailed(output: string): Error {
  const reason = output.split('\n').find((line) => /FATAL|PANIC|error:|No space left/.test(line));
  return new Error(`initdb failed: ${reason ?? lastLine(output)}`);
}

const otherMajor = (dataFolder: string, found: number, expected: number): FairleadError =>
  new FairleadError(
    'stack-failed',
    `${dataFolder} is of PostgreSQL ${found}, this is PostgreSQL ${expected}`,
    { hint: `move it away (\`mv ${dataFolder} ${dataFolder}-${found}\`), then repeat the command` },
  );

const passwordLost = (dataFolder: string, passwordFile: string): FairleadError =>
  new FairleadError(
    'stack-failed',
    `${passwordFile}, which holds the password of the local PostgreSQL, is missing or empty`,
    {
      hint: `put the file back, or start anew with \`mv ${dataFolder} ${dataFolder}-old\`, then repeat the command`,
    },
  );
