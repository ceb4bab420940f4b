import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { closePool, openPool, withConnection } from '../../../activities/postgres/connection.ts';
import type { FairleadError } from '../../../domain/errors.ts';
import { MAJORS } from '../../migration-databases.ts';
import { hasOpenssl, tlsServer, type TlsServer } from './tls-server.ts';

/** The version of TLS with which a connection is made. */
async function versionOf(url: string): Promise<string | undefined> {
  const pool = openPool({ url, role: 'source', maxConnections: 1 });
  try {
    return await withConnection(pool, { name: 'test' }, async (client) => {
      const { rows } = await client.query(
        'select version from pg_stat_ssl where pid = pg_backend_pid()',
      );
      return rows[0].version ?? undefined;
    });
  } finally {
    await closePool(pool);
  }
}

const failureOf = (url: string): Promise<FairleadError> =>
  versionOf(url).then(
    (version) => Promise.reject(new Error(`connected, by ${version ?? 'no TLS'}`)),
    (error: FairleadError) => error,
  );

describe.runIf(hasOpenssl()).each(MAJORS)('a connection to PostgreSQL %i by TLS', (major) => {
  let server: TlsServer;
  beforeAll(async () => {
    server = await tlsServer(major);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const trusting = (sslmode = 'verify-full') => ({ sslmode, sslrootcert: server.authority.file });
  const clientOf = (from: 'authority' | 'stranger', days = 2) => {
    const { cert, key } = server[from].issue('client', undefined, { days });
    return { ...trusting(), sslcert: cert, sslkey: key };
  };
  const expectFailure = async (url: string, message: string, hint: string) => {
    const failure = await failureOf(url);
    expect(failure).toMatchObject({
      code: 'tls-failed',
      kind: 'operator',
      message: expect.stringContaining(message),
      hint: expect.stringContaining(hint),
    });
    expect(failure.message).toMatch(/^the source database: /);
    expect(failure.message).not.toContain('SSL routines');
  };

  it.each(['require', 'verify-ca', 'verify-full'])('is made with %s', async (sslmode) => {
    await expect(versionOf(server.url('encrypted', trusting(sslmode)))).resolves.toBe('TLSv1.3');
  });

  it('is made with require, whose certificate it ever is', async () => {
    const url = server.url('encrypted', { sslmode: 'require' });
    await expect(versionOf(url)).resolves.toBe('TLSv1.3');
  });

  it('is not made with disable, and not without sslmode', async () => {
    for (const parameters of [{}, { sslmode: 'disable' }])
      await expect(versionOf(server.url('tenant_builder', parameters))).resolves.toBeUndefined();
  });

  it('is made with a certificate of the client where the server wants one', async () => {
    await expect(versionOf(server.url('strict', clientOf('authority')))).resolves.toBe('TLSv1.3');
  });

  it.each(['require', 'verify-ca', 'verify-full'])(
    'tells with %s that another authority has signed the certificate',
    async (sslmode) => {
      const other = { sslmode, sslrootcert: server.stranger.file };
      await expectFailure(
        server.url('encrypted', other),
        'is signed by no authority that is trusted here',
        'sslrootcert=/path/ca.pem in the URL of the source database',
      );
    },
  );

  it('tells that the certificate is for another host, which verify-ca does not mind', async () => {
    const at = (sslmode: string) =>
      server.url('tenant_builder', trusting(sslmode)).replace('127.0.0.1', 'localhost');
    await expectFailure(
      at('verify-full'),
      'is not for this name, but for IP Address:127.0.0.1',
      'sslmode=verify-ca',
    );
    await expect(versionOf(at('verify-ca'))).resolves.toBe('TLSv1.3');
  });

  it('tells that the server wants a certificate of the client', async () => {
    await expectFailure(
      server.url('strict', trusting()),
      'connection requires a valid client certificate',
      'sslcert=/path/client.pem&sslkey=/path/client.key',
    );
  });

  it('tells that the server does not accept the certificate of the client', async () => {
    await expectFailure(
      server.url('strict', clientOf('stranger')),
      'does not accept the certificate of this client: no authority that is trusted there signed it',
      'sslcert=/path/client.pem&sslkey=/path/client.key',
    );
    await expectFailure(
      server.url('strict', clientOf('authority', -1)),
      'does not accept the certificate of this client: it has expired',
      'sslcert=/path/client.pem&sslkey=/path/client.key',
    );
  });

  it('tells that the server lets nobody in without TLS', async () => {
    await expectFailure(
      server.url('encrypted'),
      'no pg_hba.conf entry',
      'sslmode=verify-full&sslrootcert=/path/ca.pem',
    );
  });

  it('tells that the server speaks no TLS', async () => {
    await expectFailure(
      `${inject('postgresUrls')[major]}?sslmode=require`,
      'The server does not support SSL connections',
      'alter system set ssl = on',
    );
  });

  it('reads a certificate anew for each connection', async () => {
    const { cert, key, ...rest } = { ...server.stranger.issue('client'), ...trusting() };
    const right = server.authority.issue('client');
    const files = {
      sslcert: join(server.folder, 'own.pem'),
      sslkey: join(server.folder, 'own.key'),
    };
    const place = async (from: { cert: string; key: string }) => {
      await copyFile(from.cert, files.sslcert);
      await copyFile(from.key, files.sslkey);
    };
    await place({ cert, key });
    const url = server.url('strict', { ...rest, ...files });
    const pool = openPool({ url, role: 'source', maxConnections: 1 });
    const connect = () =>
      withConnection(pool, { name: 'test' }, () => Promise.resolve('connected'));
    await expect(connect()).rejects.toMatchObject({ code: 'tls-failed' });
    await place(right);
    await expect(connect()).resolves.toBe('connected');
    await closePool(pool);
  });

  it('tells that the certificate of the server has expired', async () => {
    await server.present(server.authority.issue('server', 'IP:127.0.0.1', { days: -1 }));
    const url = server.url('encrypted', trusting());
    await expect
      .poll(() => failureOf(url).catch(() => undefined))
      .toMatchObject({ message: expect.stringContaining('has expired (CERT_HAS_EXPIRED)') });
    await expectFailure(url, 'the certificate of 127.0.0.1:', 'select pg_reload_conf()');
  });
});
