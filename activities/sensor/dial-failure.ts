import type { ServerAddress } from './server-address.ts';

/** What a code of Node, OpenSSL or the resolver means for a connection to `name`. */
const sentences: Record<string, (name: string, host: string) => string> = {
  ECONNREFUSED: (name) => `${name} refuses connections: nothing listens there`,
  ECONNRESET: (name) => `${name} ended the connection before it was a WebSocket`,
  EPIPE: (name) => `${name} ended the connection before it was a WebSocket`,
  ENOTFOUND: (_, host) => `no name server knows ${host}`,
  EAI_AGAIN: (_, host) => `no name server answers what ${host} is`,
  ETIMEDOUT: (name) => `${name} does not answer`,
  EHOSTUNREACH: (name) => `no route leads to ${name}`,
  ENETUNREACH: (name) => `no route leads to ${name}`,
  CERT_HAS_EXPIRED: (name) => `the certificate of ${name} has expired`,
  CERT_NOT_YET_VALID: (name) =>
    `the certificate of ${name} is not valid yet: look at this machine's clock`,
  EPROTO: (name) => `${name} speaks no TLS: is its URL ws://, not wss://?`,
  ERR_SSL_WRONG_VERSION_NUMBER: (name) => `${name} speaks no TLS: is its URL ws://, not wss://?`,
};

/** The certificate's chain leads to nobody whom we trust. */
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why there is no connection, in words; without the URL, which may bear a password. */
export function dialFailureInWords(error: unknown, { name, host }: ServerAddress): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (untrusted.has(code)) {
    return `the certificate of ${name} is signed by no authority that is trusted here: name the one that signed it with --ca, or with ca = "…" in [[sensors]] (${code})`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const { cert } = error as { cert?: { subjectaltname?: string } };
    return `the certificate of ${name} is not for this name, but for ${cert?.subjectaltname ?? 'none'}`;
  }
  if (code.startsWith('HPE_')) return `${name} answers with something that is no HTTP (${code})`;
  return sentences[code]?.(name, host) ?? `${name}: ${message}`;
}
