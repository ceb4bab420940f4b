import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TlsFiles } from '../../activities/sensor/tls-files.ts';

/** What is wrong with the PEM files of a connection, by their names. */
export function tlsFileFaults({ ca, cert, key }: TlsFiles): Record<string, string> {
  const faults = {
    ca: ca && certificateFault(ca),
    cert: cert ? certificateFault(cert) : key && 'is missing, and there is a key',
    key: key ? keyFault(key, cert) : cert && 'is missing, and there is a cert',
  };
  const found = Object.entries(faults).filter(([, fault]) => fault);
  return Object.fromEntries(found) as Record<string, string>;
}

/** What is wrong with a file that is to hold certificates, as PEM. */
export const certificateFault = (file: string): string | undefined =>
  faultOf(file, 'certificate', (pem) => new X509Certificate(pem));

/** What is wrong with a private key, as PEM, or with the certificate that it is to belong to. */
export function keyFault(file: string, certificate: string | undefined): string | undefined {
  const fault = faultOf(file, 'private key without a passphrase', createPrivateKey);
  if (fault ?? (certificate === undefined || certificateFault(certificate))) return fault;
  const belongs = new X509Certificate(readFileSync(certificate)).checkPrivateKey(
    createPrivateKey(readFileSync(file)),
  );
  return belongs ? undefined : `names ${file}, which is not the key of ${certificate}`;
}

function faultOf(file: string, kind: string, parse: (pem: Buffer) => unknown): string | undefined {
  let content: Buffer;
  try {
    content = readFileSync(file);
  } catch (error) {
    return `names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
  try {
    parse(content);
    return undefined;
  } catch {
    return `names ${file}, which is no PEM file of a ${kind}`;
  }
}
