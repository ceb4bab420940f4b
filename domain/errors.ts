/**
 * Who acts on a failure, and so what becomes of it.
 *
 * | kind | who acts | exit code |
 * |---|---|---|
 * | `transient`, `outcome-unknown`, `too-big` | nobody: retried, resolved by the ledger, split | 75 |
 * | `cancelled` | nobody | 0 |
 * | `data` | a person, later: the chunk failed, the others went on | 4 |
 * | `operator` | a person, now: it waits, and says what to type | 3 |
 * | `usage` | the one who typed the command, or wrote the configuration | 2 |
 * | `bug` | us | 1 |
 *
 * @see docs/errors.md
 */
export type FailureKind =
  'transient' | 'outcome-unknown' | 'too-big' | 'cancelled' | 'data' | 'operator' | 'usage' | 'bug';

/** Every code that a {@link FairleadError} can bear, with its kind; `docs/errors.md` has an entry for each. */
export const kindOfCode = {
  'usage-invalid': 'usage',
  'config-invalid': 'usage',
  'import-invalid': 'usage',
  'ranges-invalid': 'usage',
  'ship-unknown': 'usage',
  'ship-ambiguous': 'usage',
  'port-taken': 'operator',
  'stack-running': 'operator',
  'stack-absent': 'operator',
  'stack-failed': 'operator',
  'temporal-not-found': 'operator',
  'temporal-unreachable': 'transient',
  'search-attributes-missing': 'operator',
  'worker-absent': 'operator',
  'payload-unreadable': 'operator',
  'migration-differs': 'operator',
  'target-differs': 'operator',
  'table-taken': 'operator',
  'installation-differs': 'operator',
  'permission-denied': 'operator',
  'login-refused': 'operator',
  'tls-failed': 'operator',
  'database-absent': 'operator',
  'disk-full': 'operator',
  'read-only': 'operator',
  'source-table-invalid': 'operator',
  'late-not-findable': 'operator',
  'rest-refused': 'operator',
  'rest-answer-invalid': 'operator',
  'rest-outcome-unknown': 'operator',
  'sensor-unknown': 'operator',
  'sensor-slots-taken': 'operator',
  'recording-refused': 'operator',
  'recording-disk-full': 'operator',
  'recording-in-use': 'operator',
  'connection-lost': 'transient',
  'connection-stalled': 'transient',
  interrupted: 'transient',
  'worker-lost': 'transient',
  'database-busy': 'transient',
  'source-slots-taken': 'transient',
  'attempt-superseded': 'transient',
  'statement-cancelled': 'transient',
  'rest-unreachable': 'transient',
  'rest-unwell': 'transient',
  'rows-appeared': 'transient',
  'sensor-offline': 'transient',
  'sensor-held-elsewhere': 'transient',
  'commit-unknown': 'outcome-unknown',
  'chunk-too-big': 'too-big',
  'statement-timeout': 'too-big',
  'row-too-wide': 'data',
  'data-refused': 'data',
  'proof-failed': 'data',
  'recording-unreadable': 'data',
  cancelled: 'cancelled',
  unexpected: 'bug',
} as const satisfies Record<string, FailureKind>;

export type ErrorCode = keyof typeof kindOfCode;

/**
 * A failure that tells what happened, to what, and what to type next.
 *
 * @param code an entry of {@link kindOfCode}
 * @param message a sentence with the subject and both numbers; never a secret
 * @param options.hint what to type or to change next
 * @param options.cause the first error, kept
 */
export class FairleadError extends Error {
  override readonly name = 'FairleadError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.hint = options.hint;
  }

  get kind(): FailureKind {
    return kindOfCode[this.code];
  }
}

export const exitCodeOfKind = {
  cancelled: 0,
  bug: 1,
  usage: 2,
  operator: 3,
  data: 4,
  transient: 75,
  'outcome-unknown': 75,
  'too-big': 75,
} as const satisfies Record<FailureKind, number>;
