import { classifyFailure } from '../../domain/classify-failure.ts';
import { FairleadError, type ErrorCode } from '../../domain/errors.ts';

const HINTS: Partial<Record<ErrorCode, string>> = {
  'disk-full': 'Make room on the database server; the migration goes on by itself.',
  'login-refused':
    'Check user and password in FAIRLEAD_SOURCE_URL or FAIRLEAD_TARGET_URL, and pg_hba.conf.',
  'database-absent': 'Check the database name in FAIRLEAD_SOURCE_URL or FAIRLEAD_TARGET_URL.',
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

/** Connecting to `localhost` tries several addresses, and fails with all their errors in one. */
const firstOf = (error: DriverError): DriverError => error.errors?.[0] ?? error;
