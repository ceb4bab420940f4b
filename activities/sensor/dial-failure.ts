import {
  tlsFailureInWords,
  tlsFaultOf,
  type TlsError,
  type TlsFault,
} from '../../domain/tls-failure.ts';
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
};

/** What to do about it, after the sentence that says what it is. */
const advice: Record<TlsFault, string> = {
  untrusted: ': name the one that signed it with --ca, or with ca = "…" in [[sensors]]',
  dates: '',
  name: '',
  client: ': name one with --cert and --key, or with cert = "…" and key = "…" in [[sensors]]',
  'own-files': ': look at --cert and --key, or at cert and key in [[sensors]]',
  'no-tls': ': is its URL ws://, not wss://?',
};

/** Why there is no connection, in words; without the URL, which may bear a password. */
export function dialFailureInWords(error: unknown, { name, host }: ServerAddress): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const fault = tlsFaultOf(error as TlsError);
  if (fault) return `${tlsFailureInWords(error as TlsError, name)}${advice[fault]}`;
  if (code.startsWith('HPE_')) return `${name} answers with something that is no HTTP (${code})`;
  return sentences[code]?.(name, host) ?? `${name}: ${message}`;
}
