import { classifyFailure } from '../../domain/classify-failure.ts';
import { FairleadError, type ErrorCode } from '../../domain/errors.ts';

const HINTS: Partial<Record<ErrorCode, string>> = {
  'disk-full': 'Make room on the database server; the migration goes on by itself.',
  'permission-denied': 'Grant what is missing to the role of the connection, then resume.',
  'read-only':
    'The server is read-only: a standby, or one in recovery. Point the URL at the primary.',
  'connection-lost':
    'Check that the server runs and that the network reaches it; it is tried again.',
  'row-too-wide': 'Give the group fewer channels: move some of them to another [[channelGroups]].',
};

interface DriverError {
  code?: unknown;
  message?: string;
  detail?: string;
  table?: string;
  column?: string;
  errors?: DriverError[];
}

/**
 * The failure that an error of the driver is, with the driver's error as its cause.
 *
 * @param subject what was being done, to what
 */
export function asFairleadError(error: unknown, subject: string): FairleadError {
  if (error instanceof FairleadError) return error;
  const failure = firstOf(error as DriverError);
  const code = classifyFailure(failure);
  const state = typeof failure.code === 'string' ? ` (${failure.code})` : '';
  const message = `${subject}: ${failure.message ?? String(error)}${state}`;
  const hint = HINTS[code];
  return new FairleadError(
    code,
    message,
    hint === undefined ? { cause: error } : { hint, cause: error },
  );
}

/** What in a URL a refused connection is about. */
const FAULTY_PARTS: Partial<Record<ErrorCode, string>> = {
  'login-refused': 'user and password',
  'database-absent': 'the name of the database',
  'connection-lost': 'host and port',
};

/**
 * As {@link asFairleadError}, for a connection that could not be opened: says which URL to look at.
 *
 * @param role `source` or `target`; else what was being done
 */
export function connectFailure(error: unknown, role: string): FairleadError {
  const failure = asFairleadError(error, `the ${role} database`);
  const part = FAULTY_PARTS[failure.code];
  if (part === undefined || !['source', 'target'].includes(role)) return failure;
  const variable = `FAIRLEAD_${role.toUpperCase()}_URL`;
  const others = failure.code === 'login-refused' ? ', and pg_hba.conf of the server' : '';
  const server = failure.code === 'connection-lost' ? ', and that the server runs' : '';
  return new FairleadError(failure.code, failure.message, {
    hint: `check ${part} in [${role}] url, or ${variable}${others}${server}`,
    cause: error,
  });
}

/** Connecting to `localhost` tries several addresses, and fails with all their errors in one. */
const firstOf = (error: DriverError): DriverError => error.errors?.[0] ?? error;
