import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Client, ClientBase, ClientConfig } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';
import { passwordFor, type Address } from './password-for.ts';
import { SYSTEM, tlsOfUrl, withoutTls, type TlsOfUrl } from './tls-of-url.ts';

export interface DatabaseAddress {
  /** A connection string; never shown to anyone. */
  url: string;
  /** What an operator calls this database: `source` or `target`. */
  role: 'source' | 'target';
  /** Holds the password, which is not in the URL then. */
  passwordFile?: string | undefined;
}

/** How to connect, with what may change while we run read anew for each connection. */
export interface ReadClientConfig {
  config: ClientConfig;
  tls: TlsOfUrl;
  /** `db.example:5432`, for messages. */
  server: string;
  /** Reads the certificates again; where that fails, the last ones are used once more. */
  renew: () => void;
}

/** With TLS, the stream that is laid over the socket. */
export const socketOf = (client: ClientBase): Socket =>
  (client as unknown as { connection: { stream: Socket } }).connection.stream;

/** @throws {RangeError} a sentence, when what the URL says of TLS cannot be meant */
export function readClientConfig({ url, role, passwordFile }: DatabaseAddress): ReadClientConfig {
  const tls = tlsOfUrl(url);
  const { password: ofUrl, ...address } = parseIntoClientConfig(withoutTls(url));
  const places = { role, password: ofUrl as string | undefined, passwordFile };
  /** As `pg` calls it, which its types do not tell; it leaves a connection open that gets no password. */
  async function password(this: Client, connection: Address): Promise<string> {
    try {
      return await passwordFor(places, connection);
    } catch (error) {
      socketOf(this).destroy(error as Error);
      throw error;
    }
  }
  const ssl = tls.mode === 'disable' ? false : { ...checksOf(tls), ...contentOf(tls) };
  return {
    config: { ...address, password: password as () => Promise<string>, ssl },
    tls,
    server: `${address.host || 'localhost'}:${address.port ?? 5432}`,
    renew: () => {
      try {
        if (ssl) Object.assign(ssl, contentOf(tls));
      } catch {
        // Somebody is exchanging them at this moment.
      }
    },
  };
}

/** As libpq: `require` with an authority is `verify-ca`, and without one looks at nothing. */
function checksOf({ mode, rootCertificate }: TlsOfUrl): ConnectionOptions {
  if (mode === 'verify-full') return {};
  if (mode === 'require' && rootCertificate === undefined) return { rejectUnauthorized: false };
  return { checkServerIdentity: () => undefined };
}

function contentOf({ rootCertificate, certificate, key }: TlsOfUrl): ConnectionOptions {
  return {
    ...(rootCertificate && rootCertificate !== SYSTEM && { ca: readFileSync(rootCertificate) }),
    ...(certificate && { cert: readFileSync(certificate) }),
    ...(key && { key: readFileSync(key) }),
  };
}
