import { classifyFailure, HINT_WHEN_BUSY, hintToConnect } from '../../domain/classify-failure.ts';
import { FairleadError } from '../../domain/errors.ts';
import { tlsFailureInWords } from '../../domain/tls-failure.ts';

interface DriverError {
  code?: unknown;
  message?: string;
  detail?: string;
  table?: string;
  column?: string;
  cert?: { subjectaltname?: string };
  errors?: DriverError[];
}

/**
 * The failure that an error of the driver is, with the driver's error as its cause.
 *
 * @param subject what was being done, to what
 * @param database `source` or `target`
 * @param server what people call its server
 */
export function asFairleadError(
  error: unknown,
  subject: string,
  database?: string,
  server = 'its server',
): FairleadError {
  if (error instanceof FairleadError) return error;
  const failure = firstOf(error as DriverError);
  const { code, hint } = classifyFailure({
    code: failure.code,
    message: failure.message,
    database,
  });
  const state = typeof failure.code === 'string' ? ` (${failure.code})` : '';
  const words = tlsFailureInWords(failure, server) ?? `${failure.message ?? String(error)}${state}`;
  const message = `${subject}: ${words}`;
  return new FairleadError(code, message, { ...(hint && { hint }), cause: error });
}

/**
 * As {@link asFairleadError}, for a connection that could not be opened: says which URL to look at.
 *
 * @param role `source` or `target`; else what was being done
 */
export function connectFailure(error: unknown, role: string, server?: string): FairleadError {
  if (error instanceof FairleadError) return error;
  const failure = asFairleadError(error, `the ${role} database`, role, server);
  if (failure.kind === 'too-big') return busy(failure);
  const { code, message } = firstOf(error as DriverError);
  const hint = hintToConnect({ code, message }, role);
  if (hint === undefined) return failure;
  return new FairleadError(failure.code, failure.message, { hint, cause: error });
}

/** A server that is short of time or memory, where no smaller chunk would help. */
export const busy = ({ message, cause }: FairleadError): FairleadError =>
  new FairleadError('database-busy', message, { hint: HINT_WHEN_BUSY, cause });

/** Connecting to `localhost` tries several addresses, and fails with all their errors in one. */
const firstOf = (error: DriverError): DriverError => error.errors?.[0] ?? error;
