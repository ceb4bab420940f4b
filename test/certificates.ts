import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

/** PEM files. */
export interface IssuedCertificate {
  cert: string;
  key: string;
}

export interface CertificateAuthority {
  /** The PEM file of its own certificate. */
  file: string;
  /**
   * @param names as OpenSSL wants them: `DNS:localhost,IP:127.0.0.1`; without any, it is of X.509 version 1
   * @param options.days valid for so long from now; a negative number has it expired
   */
  issue: (commonName: string, names?: string, options?: { days?: number }) => IssuedCertificate;
}

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority that a test has to itself, made by the `openssl` of this machine. */
export function makeAuthority(folder: string, name: string): CertificateAuthority {
  mkdirSync(folder, { recursive: true });
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' });
  const file = join(folder, `${name}.pem`);
  const key = join(folder, `${name}.key`);
  openssl(
    'req',
    '-x509',
    ...CURVE,
    '-keyout',
    key,
    '-out',
    file,
    '-days',
    '2',
    '-subj',
    `/CN=${name}`,
  );
  let issued = 0;
  return {
    file,
    issue: (commonName, names, { days = 2 } = {}) => {
      const base = join(folder, `${name}-${++issued}`);
      const files = { cert: `${base}.pem`, key: `${base}.key` };
      const extension = names === undefined ? [] : ['-addext', `subjectAltName=${names}`];
      const request = ['-keyout', files.key, '-out', `${base}.csr`, '-subj', `/CN=${commonName}`];
      openssl('req', '-new', ...CURVE, ...request, ...extension);
      const signer = ['-CA', file, '-CAkey', key, '-copy_extensions', 'copy'];
      const what = ['-in', `${base}.csr`, '-days', String(days), '-out', files.cert];
      openssl('x509', '-req', ...signer, ...what);
      return files;
    },
  };
}
