import { resolve } from 'node:path';

/** What a connection promises, as libpq has it: see docs/operate.md. */
export type SslMode = (typeof SSL_MODES)[number];
const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const;

/** The authorities that Node knows, and those of NODE_EXTRA_CA_CERTS. */
export const SYSTEM = 'system';

/** What a URL says about TLS. */
export interface TlsOfUrl {
  mode: SslMode;
  /** PEM files. */
  rootCertificate: string | undefined;
  certificate: string | undefined;
  key: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The parameters that name files, with the variables of libpq that stand for them. */
const FILES = { sslrootcert: 'PGSSLROOTCERT', sslcert: 'PGSSLCERT', sslkey: 'PGSSLKEY' } as const;
const KNOWN = ['ssl', 'sslmode', 'sslnegotiation', ...Object.keys(FILES)];

/**
 * Reads what a URL says about TLS, with libpq's meaning, where `pg` has one of its own: it takes `require` for
 * `verify-full`, and warns on stderr.
 *
 * @throws {RangeError} a sentence for the operator
 */
export function tlsOfUrl(url: string): TlsOfUrl {
  const { searchParams } = new URL(url);
  const parameter = (name: string) => searchParams.get(name) || undefined;
  const unknown = [...searchParams.keys()].find(
    (name) => name.startsWith('ssl') && !KNOWN.includes(name),
  );
  if (unknown)
    throw new RangeError(
      `has ${unknown}, which Fairlead does not know; it knows ${KNOWN.join(', ')}`,
    );
  const [rootCertificate, certificate, key] = Object.keys(FILES).map(parameter);
  const mode = modeOf(parameter('sslmode'), parameter('ssl'));
  const isPlain = mode === undefined || mode === 'disable';
  if (isPlain && parameter('sslnegotiation') === 'direct')
    throw new RangeError('has sslnegotiation=direct, and no sslmode');
  if (isPlain && (rootCertificate ?? certificate ?? key))
    throw new RangeError(
      `has certificates, and no sslmode that uses them: ${SSL_MODES.slice(1).join(', ')}`,
    );
  if ((certificate === undefined) !== (key === undefined))
    throw new RangeError('has one of sslcert and sslkey: both or neither');
  if (mode === 'verify-ca' && (rootCertificate ?? SYSTEM) === SYSTEM)
    throw new RangeError(
      'has sslmode=verify-ca without sslrootcert: anybody may have a certificate that some authority signed',
    );
  if (rootCertificate === SYSTEM && mode !== 'verify-full')
    throw new RangeError('has sslrootcert=system, which needs sslmode=verify-full');
  return { mode: mode ?? 'disable', rootCertificate, certificate, key };
}

/** `ssl=true` is what JDBC has for `require`, and libpq takes it too. */
function modeOf(sslmode: string | undefined, ssl: string | undefined): SslMode | undefined {
  if (sslmode === undefined && ssl === 'true') return 'require';
  if (ssl !== undefined && ssl !== 'true') throw new RangeError('has ssl: write sslmode instead');
  if (sslmode === undefined) return undefined;
  const mode = SSL_MODES.find((each) => each === sslmode);
  if (mode) return mode;
  const isWeak = sslmode === 'prefer' || sslmode === 'allow';
  const reason = isWeak ? ', which may fall back to no encryption in silence' : '';
  throw new RangeError(
    `has sslmode=${JSON.stringify(sslmode)}${reason}; write one of ${SSL_MODES.join(', ')}`,
  );
}

/**
 * The URL with what the variables of libpq say where it is silent, and with absolute paths, so that it means the same
 * in another process.
 *
 * @param folder what a path is relative to
 */
export function withTlsOf(url: string, environment: Environment, folder: string): string {
  const full = new URL(url);
  const { searchParams } = full;
  const says = (name: string) => searchParams.has(name);
  if (!says('sslmode') && !says('ssl') && environment['PGSSLMODE'])
    searchParams.set('sslmode', environment['PGSSLMODE']);
  const isPlain = !says('ssl') && [null, 'disable'].includes(searchParams.get('sslmode'));
  for (const [name, variable] of Object.entries(FILES)) {
    const file = searchParams.get(name) || (isPlain ? undefined : environment[variable]);
    if (file) searchParams.set(name, file === SYSTEM ? file : resolve(folder, file));
  }
  return full.search === new URL(url).search ? url : full.href;
}

/** The URL without its parameters about TLS, which `pg` would understand differently. */
export function withoutTls(url: string): string {
  const plain = new URL(url);
  for (const name of ['ssl', 'sslmode', 'uselibpqcompat', ...Object.keys(FILES)])
    plain.searchParams.delete(name);
  return plain.href;
}
