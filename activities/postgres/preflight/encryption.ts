import { checksOf, type Check } from '../../../domain/preflight.ts';
import { shellWord } from '../../../domain/shell-word.ts';
import type { TlsOfUrl } from '../tls-of-url.ts';
import type { Side } from './look.ts';

/**
 * Who else could read along, or answer in the server's place.
 *
 * @param asked what the URL says about TLS
 * @param server as the URL has it: `db.example:5432`
 */
export function encryptionCheck(
  { role, facts }: Pick<Side, 'role' | 'facts'>,
  { mode, rootCertificate }: TlsOfUrl,
  server: string,
): Check {
  const { good, look } = checksOf('sessions', role);
  const { encrypted, isUnixSocket, isLoopback, user, database } = facts;
  const url = `postgresql://${encodeURIComponent(user)}@${server}/${encodeURIComponent(database)}?sslmode=verify-full&sslrootcert=/path/ca.pem`;
  const fix = `export FAIRLEAD_${role.toUpperCase()}_URL=${shellWord(url)}   # the server needs ssl = on`;
  if (isUnixSocket) return good('encryption', 'a unix socket needs none');
  if (encrypted === undefined && isLoopback)
    return good('encryption', 'none, and none is needed: it does not leave this machine');
  if (encrypted === undefined)
    return look('encryption', 'none: who is on the way can read cells, and change them', fix);
  if (mode === 'require' && rootCertificate === undefined)
    return look(
      'encryption',
      `${encrypted}, and sslmode=require does not look whose certificate it is: who is on the way can pose as the server`,
      fix,
    );
  return good('encryption', `${encrypted}, ${WORDS[mode]}`);
}

const WORDS: Record<TlsOfUrl['mode'], string> = {
  disable: '',
  require: 'with a certificate of the authority that sslrootcert names',
  'verify-ca': 'with a certificate of the authority that sslrootcert names',
  'verify-full': 'with a certificate that is trusted, and for this host',
};
