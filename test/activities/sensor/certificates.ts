import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  key: string;
  cert: string;
  /** A PEM file of the certificate, which is its own authority. */
  file: string;
}

/**
 * A certificate that signs itself, made by the `openssl` of this machine.
 *
 * @param names as OpenSSL wants them: `DNS:localhost,IP:127.0.0.1`
 */
export function makeCertificate(folder: string, names: string): Certificate {
  const [keyFile, file] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=fairlead test', '-addext', `subjectAltName=${names}`];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...curve, '-keyout', keyFile, '-out', file, '-days', '2', ...subject],
    { stdio: 'ignore' },
  );
  return { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(file, 'utf8'), file };
}
