import { stat, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import pgpass from 'pgpass';
import { FairleadError } from '../../domain/errors.ts';

/** As `pg` knows where a connection leads. */
export interface Address {
  host?: string;
  port?: number;
  database?: string;
  user?: string;
}

export interface PasswordPlaces {
  role: 'source' | 'target';
  /** Of the URL. */
  password: string | undefined;
  /** Read anew for each connection: a password may be changed while a worker runs. */
  passwordFile: string | undefined;
}

/** What it says on stderr is said here, in a failure. */
pgpass.warnTo(new PassThrough().resume());

/**
 * The password for a connection, when its server asks for one: of the file, of the URL, PGPASSWORD, or of `.pgpass`.
 *
 * @throws {FairleadError} `login-refused` where there is none
 */
export async function passwordFor(
  { role, password, passwordFile }: PasswordPlaces,
  address: Address,
): Promise<string> {
  if (passwordFile !== undefined) return readPasswordFile(passwordFile, role);
  const given = password || process.env['PGPASSWORD'];
  if (given) return given;
  const found = await new Promise<string | undefined>((done) => pgpass(address, done));
  if (found !== undefined) return found;
  throw await noPassword(role, address);
}

async function readPasswordFile(file: string, role: PasswordPlaces['role']): Promise<string> {
  try {
    const text = await readFile(file, 'utf8');
    const password = text.replace(/\r?\n$/, '');
    if (password !== '') return password;
    throw new Error('it is empty');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    const message = `the ${role} database: its password file ${file} cannot be read (${reason})`;
    const hint = `write the password into it, or correct passwordFile under [${role}]`;
    throw new FairleadError('login-refused', message, { hint, cause: error });
  }
}

const passFile = (): string => process.env['PGPASSFILE'] || join(homedir(), '.pgpass');

async function noPassword(
  role: PasswordPlaces['role'],
  { host = 'localhost', port = 5432, database = '*', user = '*' }: Address,
): Promise<FairleadError> {
  const file = passFile();
  const line = `${host}:${port}:${database}:${user}`;
  const [reason, hint] = await whyNot(file, line);
  const message = `the ${role} database asks for the password of ${user}, and there is none: not in its URL, no passwordFile, no PGPASSWORD, and ${file} ${reason}`;
  return new FairleadError('login-refused', message, { hint });
}

async function whyNot(file: string, line: string): Promise<[reason: string, hint: string]> {
  const write = `write the line ${line}:PASSWORD into ${file} (mode 600), or name a passwordFile`;
  try {
    const found = await stat(file);
    if (!found.isFile()) return ['is no file', write];
    const mode = (found.mode & 0o777).toString(8);
    if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
      return [`has mode ${mode}, so that others may read it, and is ignored`, `chmod 600 ${file}`];
    return [`has no line for ${line}`, write];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return [code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, write];
  }
}
