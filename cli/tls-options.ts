import { resolve } from 'node:path';
import { tlsFilesOf, type TlsFiles } from '../activities/sensor/tls-files.ts';
import { FairleadError } from '../domain/errors.ts';
import { tlsFileFaults } from '../workers/configuration/certificate-faults.ts';

/**
 * The files for TLS: what is typed wins over what is configured, the certificate and its key together.
 *
 * @throws {FairleadError} `usage-invalid` when one that was typed is not there, or of no use
 */
export function chosenTlsFiles(typed: TlsFiles, configured: TlsFiles = {}): TlsFiles {
  const { ca, cert, key } = absolute(typed);
  const [fault] = Object.entries(tlsFileFaults({ ca, cert, key }));
  if (fault) {
    const [name, message] = fault;
    throw new FairleadError('usage-invalid', `--${name} ${message}`, {
      hint: 'name PEM files; --cert and --key belong together',
    });
  }
  const ofClient = (cert ?? key) === undefined ? configured : { cert, key };
  return { ca: ca ?? configured.ca, cert: ofClient.cert, key: ofClient.key };
}

const absolute = (files: TlsFiles): TlsFiles =>
  Object.fromEntries(
    Object.entries(tlsFilesOf(files)).map(([name, file]) => [name, file && resolve(file)]),
  );
