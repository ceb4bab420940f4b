/** How a connection to PostgreSQL notices death, and how long each kind of work may take or wait; tests shorten it. */
export interface ConnectionTiming {
  /** After so much silence the kernel asks whether the other side still lives. */
  keepaliveIdleMs: number;
  /** Between one such question and the next; also how often a server that works looks whether its client lives. */
  keepaliveIntervalMs: number;
  /** So many unanswered questions end the connection. */
  keepaliveCount: number;
  /** A statement that reads or writes cells and runs longer is ended by the server. */
  statementTimeoutMs: number;
  /** A statement that waits longer for a lock is ended by the server. */
  lockTimeoutMs: number;
  /** A transaction in which our side does nothing for so long is ended by the server. */
  idleInTransactionTimeoutMs: number;
}

export const DEFAULT_CONNECTION_TIMING: ConnectionTiming = {
  keepaliveIdleMs: 30_000,
  keepaliveIntervalMs: 10_000,
  keepaliveCount: 5,
  statementTimeoutMs: 1_200_000,
  lockTimeoutMs: 45_000,
  idleInTransactionTimeoutMs: 60_000,
};

/** Data that were written and not acknowledged count as lost after so long: as long as keepalive takes. */
export const userTimeoutMs = (timing: ConnectionTiming): number =>
  timing.keepaliveIdleMs + timing.keepaliveCount * timing.keepaliveIntervalMs;

/**
 * What a connection is taken for: probes of the source, the read of a chunk's cells, a transaction that writes them,
 * the ledger and other small things, a look at both databases that must not disturb, and filling a narrow table.
 */
export type ConnectionPurpose = 'probe' | 'read' | 'write' | 'bookkeeping' | 'preflight' | 'fill';

/** In milliseconds; undefined leaves it to the server. */
export interface SessionLimits {
  statement_timeout: number | undefined;
  lock_timeout: number | undefined;
  idle_in_transaction_session_timeout: number | undefined;
}

const BOOKKEEPING_STATEMENT_MS = 300_000;
const PREFLIGHT_STATEMENT_MS = 30_000;
/** No look waits longer for a lock: whoever holds one is not disturbed, and nobody queues behind us. */
export const PREFLIGHT_LOCK_MS = 100;

/**
 * The server's timeouts for a purpose.
 *
 * @see docs/operate.md#connections
 */
export function limitsFor(purpose: ConnectionPurpose, timing: ConnectionTiming): SessionLimits {
  const usual: SessionLimits = {
    statement_timeout: timing.statementTimeoutMs,
    lock_timeout: timing.lockTimeoutMs,
    idle_in_transaction_session_timeout: timing.idleInTransactionTimeoutMs,
  };
  switch (purpose) {
    case 'probe':
    case 'write':
      return usual;
    case 'read':
      // The connection that exported the snapshot keeps its transaction open until the other half is read.
      return {
        ...usual,
        idle_in_transaction_session_timeout:
          timing.statementTimeoutMs + timing.idleInTransactionTimeoutMs,
      };
    case 'bookkeeping':
      return { ...usual, statement_timeout: BOOKKEEPING_STATEMENT_MS };
    case 'preflight':
      return {
        ...usual,
        statement_timeout: PREFLIGHT_STATEMENT_MS,
        lock_timeout: PREFLIGHT_LOCK_MS,
      };
    case 'fill':
      return {
        ...usual,
        statement_timeout: undefined,
        idle_in_transaction_session_timeout: undefined,
      };
    default:
      return purpose satisfies never;
  }
}

/** Whether a statement that ran into its timeout means that a chunk is too big; a slow ledger is no reason to split. */
export const isAboutCells = (purpose: ConnectionPurpose): boolean =>
  purpose === 'read' || purpose === 'write';
