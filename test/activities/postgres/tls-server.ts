import { execFileSync } from 'node:child_process';
import { chmod, chown, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runSql } from '../../run-sql.ts';
import { anyFreePort } from '../../../workers/stack/choose-port.ts';
import { postgresAccount } from '../../../workers/stack/postgres-account.ts';
import type { PostgresMajor } from '../../../workers/stack/postgres-binaries.ts';
import { startPostgres } from '../../../workers/stack/postgres-server.ts';
import {
  makeAuthority,
  type CertificateAuthority,
  type IssuedCertificate,
} from '../../certificates.ts';
import { narrowTableSql } from '../../narrow-table.ts';
import { temporaryFolder } from '../../temporary-folder.ts';

/** Who may come in, by the database: one that wants TLS, one that wants a client's certificate too, and all others. */
const PG_HBA = `
hostssl encrypted all 127.0.0.1/32 scram-sha-256
hostssl strict    all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca
host    tenant_builder,postgres all 127.0.0.1/32 scram-sha-256
`;

/** A PostgreSQL server that speaks TLS, of a test alone. */
export interface TlsServer extends AsyncDisposable {
  folder: string;
  /** Signs the certificates of the server, and of the clients that it lets in. */
  authority: CertificateAuthority;
  /** Whom nobody trusts. */
  stranger: CertificateAuthority;
  /** Of the superuser, with the parameters. */
  url: (database: TlsDatabase, parameters?: Record<string, string>) => string;
  /** What the server shows from now on; connections see it a moment later. */
  present: (certificate: IssuedCertificate) => Promise<void>;
}

export type TlsDatabase = 'tenant_builder' | 'encrypted' | 'strict';

/** Its certificate is for 127.0.0.1, not for localhost. */
export async function tlsServer(major: PostgresMajor = 18): Promise<TlsServer> {
  const folder = await temporaryFolder();
  const authority = makeAuthority(folder.path, 'authority');
  const stranger = makeAuthority(folder.path, 'stranger');
  const files = { cert: join(folder.path, 'server.pem'), key: join(folder.path, 'server.key') };
  const place = async ({ cert, key }: IssuedCertificate) => {
    await copyFile(cert, files.cert);
    await copyFile(key, files.key);
    const account = await postgresAccount();
    await chmod(files.key, 0o600);
    if (account) await chown(files.key, account.uid, account.gid);
  };
  await place(authority.issue('server', 'IP:127.0.0.1'));
  const data = join(folder.path, 'postgres');
  const server = await startPostgres({
    folder: data,
    port: await anyFreePort(),
    major,
    report: () => {},
    settings: {
      ssl: 'on',
      ssl_cert_file: files.cert,
      ssl_key_file: files.key,
      ssl_ca_file: authority.file,
      shared_buffers: '32MB',
      fsync: 'off',
    },
  });
  const reload = () => runSql(server.url, 'select pg_reload_conf()');
  await writeFile(join(data, 'data', 'pg_hba.conf'), PG_HBA);
  for (const database of ['encrypted', 'strict']) {
    await runSql(server.url, `create database ${database} template template0`);
    await runSql(Object.assign(new URL(server.url), { pathname: database }).href, narrowTableSql);
  }
  await reload();
  return {
    folder: folder.path,
    authority,
    stranger,
    url: (database, parameters = {}) => {
      const url = new URL(server.url);
      url.pathname = database;
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      return url.href;
    },
    present: async (certificate) => {
      await place(certificate);
      await reload();
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version']);
    return true;
  } catch {
    return false;
  }
}
