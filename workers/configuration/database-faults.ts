import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { SYSTEM, tlsOfUrl, withTlsOf } from '../../activities/postgres/tls-of-url.ts';
import { certificateFault, keyFault } from './certificate-faults.ts';
import type { Environment } from './environment.ts';
import type { Fault } from './faults.ts';
import { configurationSchema } from './schema.ts';

interface Database {
  url?: string | undefined;
  passwordFile?: string | undefined;
}

/** Faults of the databases that the schema does not see: in the URL, between keys, and in the files that they name. */
export function databaseFaults(
  content: Record<string, unknown>,
  base: string,
  environment: Environment,
): Fault[] {
  return (['source', 'target'] as const).flatMap((role) => {
    const parsed = configurationSchema.shape[role].safeParse(content[role] ?? {});
    if (!parsed.success) return [];
    const { data } = parsed;
    return Object.entries({
      url: tlsFault(data, base, environment),
      passwordFile: passwordFault(data, base),
    }).flatMap(([key, message]): Fault[] => (message ? [{ path: [role, key], message }] : []));
  });
}

function tlsFault({ url }: Database, base: string, environment: Environment): string | undefined {
  if (url === undefined) return undefined;
  try {
    const { rootCertificate, certificate, key } = tlsOfUrl(withTlsOf(url, environment, base));
    const authority = rootCertificate === SYSTEM ? undefined : rootCertificate;
    const faults = [
      authority && certificateFault(authority),
      certificate && certificateFault(certificate),
      key && keyFault(key, certificate),
    ];
    return faults.find(Boolean);
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

function passwordFault({ url, passwordFile }: Database, base: string): string | undefined {
  if (passwordFile === undefined) return undefined;
  if (url === undefined) return 'is set, and url is not: the local stack has a password of its own';
  if (new URL(url).password !== '')
    return 'is set, and url has a password too: take one of them away';
  const file = resolve(base, passwordFile);
  try {
    return /^\r?\n?$/.test(readFileSync(file, 'utf8'))
      ? `names ${file}, which is empty`
      : undefined;
  } catch (error) {
    return `names ${file}, which cannot be read (${(error as NodeJS.ErrnoException).code})`;
  }
}
