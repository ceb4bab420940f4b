/** What Node says of a TLS connection that did not come about. */
export interface TlsError {
  code?: unknown;
  message?: string | undefined;
  /** Of the server, where its name is what is wrong. */
  cert?: { subjectaltname?: string };
}

/** The certificate's chain leads to nobody whom we trust. */
export const UNTRUSTED = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
] as const;
export const OUT_OF_DATE = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'] as const;
export const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
/** How the codes begin that OpenSSL gives to a handshake: Node 20 and 24 spell the rest differently. */
export const HANDSHAKE = ['ERR_SSL_', 'EPROTO'] as const;
/** How those begin that OpenSSL gives to our own certificate and key. */
export const OWN_FILES = 'ERR_OSSL_';

/** What is wrong, where what to do depends on it. */
export type TlsFault = 'untrusted' | 'dates' | 'name' | 'client' | 'own-files' | 'no-tls';

/** @returns undefined for what is not about TLS */
export function tlsFaultOf({ code, message = '' }: TlsError): TlsFault | undefined {
  const is = (known: string) => known === code;
  if (typeof code !== 'string') return undefined;
  if (UNTRUSTED.some(is)) return 'untrusted';
  if (OUT_OF_DATE.some(is)) return 'dates';
  if (code === OTHER_NAME) return 'name';
  if (code.startsWith(OWN_FILES)) return 'own-files';
  if (HANDSHAKE.some((start) => code.startsWith(start)))
    return alertOf(message) === undefined ? 'no-tls' : 'client';
  return code.startsWith('CERT_') ? 'untrusted' : undefined;
}

const alertOf = (message: string): string | undefined =>
  /SSL alert number (\d+)/.exec(message)?.[1];

/** Why the server broke the handshake off, by the number of its alert (RFC 8446). */
const alerts: Record<string, (server: string) => string> = {
  40: (server) =>
    `${server} broke the TLS handshake off: it may want a certificate of this client, or have no cipher in common with it`,
  42: notAccepted('it is damaged, or of a kind that is not taken there'),
  43: notAccepted('it is of a kind that is not taken there'),
  44: notAccepted('it is revoked'),
  45: notAccepted('it has expired'),
  46: notAccepted('it does not say why'),
  48: notAccepted('no authority that is trusted there signed it'),
  49: notAccepted('it may not do this'),
  70: (server) => `${server} has no version of TLS in common with this client`,
  116: (server) => `${server} wants a certificate of this client, and got none`,
};

function notAccepted(reason: string): (server: string) => string {
  return (server) => `${server} does not accept the certificate of this client: ${reason}`;
}

/**
 * Why TLS did not come about, in words; undefined for what is not about TLS.
 *
 * @param server what people call the other side, such as `db.example:5432`
 */
export function tlsFailureInWords(error: TlsError, server: string): string | undefined {
  const code = typeof error.code === 'string' ? error.code : '';
  const sentence = sentenceOf(code, error, server);
  return sentence && `${sentence} (${code})`;
}

function sentenceOf(code: string, { message = '', cert }: TlsError, server: string) {
  const its = `the certificate of ${server}`;
  if (UNTRUSTED.some((each) => each === code))
    return `${its} is signed by no authority that is trusted here`;
  if (code === 'CERT_HAS_EXPIRED') return `${its} has expired`;
  if (code === 'CERT_NOT_YET_VALID') return `${its} is not valid yet: look at this machine's clock`;
  if (code === OTHER_NAME)
    return `${its} is not for this name, but for ${cert?.subjectaltname ?? 'none'}`;
  if (code.startsWith(OWN_FILES))
    return 'the certificate of this client, or its key, is of no use: they are PEM files that belong together';
  if (HANDSHAKE.some((start) => code.startsWith(start))) return ofHandshake(message, server);
  return code.startsWith('CERT_') ? `${its} is not accepted here: ${message}` : undefined;
}

function ofHandshake(message: string, server: string): string {
  const alert = alertOf(message);
  if (alert === undefined) return `${server} speaks no TLS`;
  return alerts[alert]?.(server) ?? `${server} broke the TLS handshake off, with alert ${alert}`;
}
