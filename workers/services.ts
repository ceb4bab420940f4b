import { FairleadError } from '../domain/errors.ts';
import type { Configuration, DatabaseConfiguration } from './configuration.ts';
import { readStack } from './stack/stack-file.ts';
import { locateTemporal, type TemporalLocation } from './temporal-location.ts';

/** A database whose address is known. */
export interface LocatedDatabase extends DatabaseConfiguration {
  url: string;
}

/** Where everything is: as configured, else on the local stack that runs in the configuration's home. */
export interface Services {
  source: LocatedDatabase;
  target: LocatedDatabase;
  temporal: TemporalLocation;
}

/**
 * @throws {FairleadError} `stack-absent` when something is not configured and no local stack runs;
 *   `config-invalid` when Temporal's own configuration cannot be read
 */
export function locateServices(configuration: Configuration): Services {
  return { ...locateDatabases(configuration), temporal: locateTemporal(configuration) };
}

/** The databases alone, for what does not need Temporal. */
export function locateDatabases({
  home,
  source,
  target,
}: Configuration): Pick<Services, 'source' | 'target'> {
  const stack = readStack(home);
  return {
    source: { ...source, url: source.url ?? stack?.sourceUrl ?? absent('source', home) },
    target: { ...target, url: target.url ?? stack?.targetUrl ?? absent('target', home) },
  };
}

function absent(role: 'source' | 'target', home: string): never {
  throw new FairleadError(
    'stack-absent',
    `no ${role} database is configured, and no local stack runs in ${home}`,
    { hint: `start one with "fairlead up", or set FAIRLEAD_${role.toUpperCase()}_URL` },
  );
}
