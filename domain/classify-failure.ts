import type { ErrorCode } from './errors.ts';

/** SQLSTATEs, whole or by class, and the code of the failure that each one is. The first match decides. */
const CODE_OF_SQLSTATE: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^08007|^40003/, 'commit-unknown'],
  [/^08|^57P0[1235]|^25P03|^58000|^58030/, 'connection-lost'],
  [/^25P04|^53200/, 'chunk-too-big'],
  [/^53300|^53400|^40001|^40P01|^55P03|^55006/, 'database-busy'],
  [/^25006/, 'read-only'],
  [/^53100/, 'disk-full'],
  [/^28/, 'login-refused'],
  [/^3D000|^57P04/, 'database-absent'],
  [/^42501/, 'permission-denied'],
  [/^54000/, 'row-too-wide'],
  [/^22|^23|^42|^54/, 'data-refused'],
];

const LOST_CONNECTION_ERRNOS = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'ETIMEDOUT',
  'EPIPE',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** What `pg` says, without any code, when a connection went away or could not be made in time. */
const LOST_CONNECTION_MESSAGES = [
  'Connection terminated',
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Client has encountered a connection error',
  'Client was closed and is not queryable',
  'Premature close',
];

/**
 * Tells which failure a driver's error is.
 *
 * @param failure `code` is an SQLSTATE or an errno
 * @returns `unexpected` for what no rule knows
 * @see docs/errors.md
 */
export function classifyFailure(failure: { code?: unknown; message?: string }): ErrorCode {
  const code = typeof failure.code === 'string' ? failure.code : '';
  const message = failure.message ?? '';
  if (code === '57014')
    return message.includes('statement timeout') ? 'statement-timeout' : 'statement-cancelled';
  if (code === 'ENOSPC') return 'disk-full';
  if (LOST_CONNECTION_ERRNOS.has(code)) return 'connection-lost';
  if (LOST_CONNECTION_MESSAGES.some((known) => message.includes(known))) return 'connection-lost';
  if (!/^[0-9A-Z]{5}$/.test(code)) return 'unexpected';
  return CODE_OF_SQLSTATE.find(([states]) => states.test(code))?.[1] ?? 'unexpected';
}
