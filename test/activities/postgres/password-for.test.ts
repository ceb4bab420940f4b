import { randomBytes } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { closePool, openPool, withConnection } from '../../../activities/postgres/connection.ts';
import { socketsOf } from '../../../activities/postgres/open-pool.ts';
import { runSql } from '../../run-sql.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

const role = `password_${randomBytes(4).toString('hex')}`;
const PASSWORD = 'r@in:b\\ow #7';

const server = () => inject('postgresUrls')[18];
const setPassword = (password: string) =>
  runSql(server(), `alter role ${role} password '${password}'`);

const open = (passwordFile?: string) => {
  const url = new URL(server());
  [url.username, url.password, url.pathname] = [role, '', 'postgres'];
  return openPool({ url: url.href, role: 'target', maxConnections: 1, passwordFile });
};

const connect = async (pool = open()) => {
  try {
    const use = { name: 'test' };
    return await withConnection(pool, use, async (client) => {
      const { rows } = await client.query('select current_user as name');
      return rows[0].name as string;
    });
  } finally {
    await closePool(pool);
    // One that the server refuses, or that gets no password, is not left open.
    await expect.poll(() => [...socketsOf(pool)]).toEqual([]);
  }
};

describe('a connection whose URL has no password', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let file: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'password');
    await runSql(server(), `create role ${role} login password '${PASSWORD}'`);
  });
  afterEach(() => vi.unstubAllEnvs());
  afterAll(async () => {
    await runSql(server(), `drop role ${role}`);
    await folder[Symbol.asyncDispose]();
  });

  const passFile = async (password: string, mode = 0o600) => {
    const { hostname, port } = new URL(server());
    const escaped = password.replace(/[\\:]/g, '\\$&');
    await writeFile(file, `# ours\nelsewhere:*:*:*:no\n${hostname}:${port}:*:${role}:${escaped}\n`);
    await chmod(file, mode);
    vi.stubEnv('PGPASSFILE', file);
  };

  it('takes that of the file, and of a file that has changed', async () => {
    await writeFile(file, `${PASSWORD}\n`);
    await expect(connect(open(file))).resolves.toBe(role);
    const pool = open(file);
    await withConnection(pool, { name: 'test' }, async () => undefined);
    await setPassword('another');
    await writeFile(file, 'another');
    await runSql(
      server(),
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = '${role}'`,
    );
    await expect(connect(pool)).resolves.toBe(role);
    await setPassword(PASSWORD);
  });

  it('takes PGPASSWORD, which wins over .pgpass', async () => {
    await passFile('wrong');
    vi.stubEnv('PGPASSWORD', PASSWORD);
    await expect(connect()).resolves.toBe(role);
  });

  it('takes that of .pgpass', async () => {
    await passFile(PASSWORD);
    await expect(connect()).resolves.toBe(role);
  });

  it.each([
    [
      'that others may read',
      () => passFile(PASSWORD, 0o644),
      /has mode 644, .* is ignored$/,
      /^chmod 600 /,
    ],
    [
      'that is not there',
      () => vi.stubEnv('PGPASSFILE', '/no/such/file'),
      /\/no\/such\/file does not exist$/,
      /^write the line 127\.0\.0\.1:\d+:postgres:password_\w+:PASSWORD into/,
    ],
    [
      'without a line for it',
      async () => {
        await passFile(PASSWORD);
        await writeFile(file, 'elsewhere:*:*:*:no\n');
      },
      /has no line for 127\.0\.0\.1:\d+:postgres:password_\w+$/,
      /^write the line/,
    ],
  ])('says what is wrong with a .pgpass %s', async (_, prepare, message, hint) => {
    const write = vi.spyOn(process.stderr, 'write');
    await prepare();
    await expect(connect()).rejects.toMatchObject({
      code: 'login-refused',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
    });
    expect(write).not.toHaveBeenCalled();
    write.mockRestore();
  });

  it('says that the file cannot be read', async () => {
    await expect(connect(open('/no/such/file'))).rejects.toMatchObject({
      code: 'login-refused',
      message: 'the target database: its password file /no/such/file cannot be read (ENOENT)',
      hint: expect.stringContaining('passwordFile under [target]'),
    });
  });
});
