import { FairleadError } from '../domain/errors.ts';
import type { Configuration } from './configuration.ts';
import { readStack } from './stack/stack-file.ts';

export interface ResolvedDatabase {
  /** Bears the password, unless a file does. */
  url: string;
  passwordFile: string | undefined;
  /** True for the embedded PostgreSQL, where missing tables are ours to make. */
  own: boolean;
}

/**
 * Where source or target is: as configured, else in the local stack that runs now.
 *
 * @throws {FairleadError} `config-invalid` when only the other one is configured, `stack-absent` when nothing runs
 */
export function resolveDatabase(
  configuration: Configuration,
  role: 'source' | 'target',
): ResolvedDatabase {
  const { url, passwordFile } = configuration[role];
  if (url !== undefined) return { url, passwordFile, own: false };
  if (!configuration.local) throw notConfigured(role);
  const stack = readStack(configuration.home);
  if (stack) return { url: stack[`${role}Url`], passwordFile, own: true };
  throw new FairleadError('stack-absent', `no local stack runs in ${configuration.home}`, {
    hint: `start it in another terminal with: fairlead up — or set [${role}] url in fairlead.toml`,
  });
}

/**
 * For what needs both databases, before anything is started.
 *
 * @throws {FairleadError} `config-invalid` when only one is configured
 */
export function requireBothOrNeither({ local, source, target }: Configuration): void {
  if (local) return;
  if (source.url === undefined) throw notConfigured('source');
  if (target.url === undefined) throw notConfigured('target');
}

function notConfigured(role: 'source' | 'target'): FairleadError {
  const other = role === 'source' ? 'target' : 'source';
  const variable = `FAIRLEAD_${role.toUpperCase()}_URL`;
  return new FairleadError(
    'config-invalid',
    `[${role}] url is not set, and [${other}] url is: either both are configured or neither`,
    { hint: `set [${role}] url in fairlead.toml, or ${variable}; it may be the same database` },
  );
}
