import { kindOfCode, type ErrorCode, type FailureKind } from './errors.ts';
import { HANDSHAKE, OTHER_NAME, OUT_OF_DATE, OWN_FILES, UNTRUSTED } from './tls-failure.ts';

/** Which of an activity's times ran out, as Temporal says it. */
export type ActivityTimeout =
  'HEARTBEAT' | 'START_TO_CLOSE' | 'SCHEDULE_TO_CLOSE' | 'SCHEDULE_TO_START';

/** What is known of a failure: plain facts, whichever library they come from. */
export interface FailureFacts {
  /** Of the database driver: an SQLSTATE, or an errno. */
  code?: unknown;
  message?: string | undefined;
  /** Whose database it is, for the hint: `source` or `target`. */
  database?: string | undefined;
  /** Of Temporal. */
  timeout?: ActivityTimeout;
  /** Whether the last heartbeat before the timeout told of bytes that moved. */
  bytesFlowed?: boolean;
}

export interface Judgement {
  code: ErrorCode;
  kind: FailureKind;
  /** What an operator is told to do. */
  hint?: string;
}

export interface FailureRule {
  code: ErrorCode;
  /** Whole SQLSTATEs, and classes of two characters; a rule for the whole one wins. */
  states?: readonly string[];
  /** These states only where the server says so, or so. */
  saying?: readonly string[];
  /** One that ends with an underscore is how longer ones begin. */
  errnos?: readonly string[];
  /** What `pg` says, without any code. */
  messages?: readonly string[];
  timeouts?: readonly ActivityTimeout[];
  /** These timeouts only while bytes flowed. */
  whileBytesFlow?: true;
  hint: string;
  /** What in a URL is at fault when nobody can connect with it, and what else may be. */
  urlPart?: string;
  orElse?: string;
}

export const HINT_WHEN_BUSY =
  'It is tried again. If it stays: select * from pg_stat_activity shows who holds locks and connections.';

/** Every failure of a database, its driver or an activity, and which code that is. The first rule that fits decides. */
export const FAILURE_RULES: readonly FailureRule[] = [
  {
    code: 'connection-lost',
    states: ['08', '57P01', '57P02', '57P03', '57P05', '25P03', '58000', '58030'],
    errnos: [
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
    ],
    messages: [
      'Connection terminated',
      'timeout expired',
      'timeout exceeded when trying to connect',
      'Client has encountered a connection error',
      'Client was closed and is not queryable',
      'Premature close',
      'There was an error establishing an SSL connection',
    ],
    hint: 'Check that the server runs and that the network reaches it; it is tried again.',
    urlPart: 'host and port',
    orElse: ', and that the server runs',
  },
  {
    code: 'database-busy',
    states: ['53300', '53400', '40001', '40P01', '55P03', '55006'],
    hint: HINT_WHEN_BUSY,
  },
  {
    code: 'commit-unknown',
    states: ['08007', '40003'],
    hint: 'Nothing: the ledger tells whether it was committed.',
  },
  // Both are 57014. In another language than English neither is told: a chunk that is split in vain is done all the same,
  // one that is never split may never be.
  {
    code: 'statement-cancelled',
    states: ['57014'],
    saying: ['user request'],
    hint: 'Nothing: it is done again. To end a migration: fairlead cancel <ship>.',
  },
  {
    code: 'statement-timeout',
    states: ['57014'],
    hint: 'Nothing: the chunk is split. If many are, raise statementTimeout under [timing].',
  },
  {
    code: 'chunk-too-big',
    states: ['25P04', '53200'],
    timeouts: ['START_TO_CLOSE'],
    whileBytesFlow: true,
    hint: 'Nothing: the chunk is split. If many are, migrate with a smaller --width.',
  },
  // What PostgreSQL says of a value, an array or a message over 1 GB.
  {
    code: 'chunk-too-big',
    states: ['54000', 'XX000'],
    saying: ['memory'],
    hint: 'Nothing: the chunk is split. If many are, migrate with a smaller --width.',
  },
  {
    code: 'worker-lost',
    timeouts: ['HEARTBEAT', 'START_TO_CLOSE', 'SCHEDULE_TO_CLOSE', 'SCHEDULE_TO_START'],
    hint: "Nothing: another worker goes on. If it happens often, read the worker's log.",
  },
  {
    code: 'disk-full',
    states: ['53100'],
    errnos: ['ENOSPC'],
    hint: 'Make room on the server of the database; the migration goes on by itself.',
  },
  {
    code: 'read-only',
    states: ['25006'],
    hint: 'The server of the database takes no writes: a standby (point the URL at the primary), or default_transaction_read_only is on (fairlead preflight tells where that comes from).',
  },
  {
    code: 'read-only',
    states: ['54000'],
    saying: ['wraparound'],
    hint: 'VACUUM the database as its superuser: until then its server takes no writes.',
  },
  {
    code: 'tls-failed',
    errnos: UNTRUSTED,
    hint: 'Name the authority that signed it: sslrootcert=/path/ca.pem in the URL of the database.',
  },
  {
    code: 'tls-failed',
    errnos: OUT_OF_DATE,
    hint: 'Have its server get a new certificate, and load it by select pg_reload_conf().',
  },
  {
    code: 'tls-failed',
    errnos: [OTHER_NAME],
    hint: 'Write a host that the certificate is for into the URL of the database; or sslmode=verify-ca, which does not look at the name.',
  },
  {
    code: 'tls-failed',
    states: ['28000'],
    saying: ['valid client certificate'],
    errnos: [...HANDSHAKE, OWN_FILES],
    hint: 'Name a certificate that is accepted there, and its key: sslcert=/path/client.pem&sslkey=/path/client.key in the URL of the database.',
  },
  {
    code: 'tls-failed',
    messages: ['The server does not support SSL connections'],
    hint: 'Have its server speak TLS: alter system set ssl = on. Or, in a network that you trust, write sslmode=disable into the URL of the database.',
  },
  {
    code: 'tls-failed',
    states: ['28000'],
    saying: ['no encryption', 'SSL off'],
    hint: 'Its server may want TLS: write sslmode=verify-full&sslrootcert=/path/ca.pem into the URL of the database. Or let this host in without, in pg_hba.conf.',
  },
  {
    code: 'login-refused',
    states: ['28'],
    hint: 'Check user and password in the URL of the database, and pg_hba.conf of its server.',
    urlPart: 'user and password',
    orElse: ', and pg_hba.conf of the server',
  },
  {
    code: 'database-absent',
    states: ['3D000', '57P04'],
    hint: 'Check the name in the URL of the database.',
    urlPart: 'the name of the database',
  },
  {
    code: 'database-absent',
    states: ['55000'],
    saying: ['accepting connections'],
    hint: 'Let the database take connections again: alter database … allow_connections true.',
  },
  {
    code: 'permission-denied',
    states: ['42501'],
    hint: 'Grant what is missing to the role of the connection to the database, then resume.',
  },
  {
    code: 'row-too-wide',
    states: ['54000', '54011'],
    hint: 'Give the group fewer channels: move some of them to another [[channelGroups]].',
  },
  {
    code: 'data-refused',
    states: ['22', '23', '42', '44', '54', '3F', 'P0'],
    hint: 'Remove the cause that the message names; then migrate the ship again, which tries what failed.',
  },
];

/**
 * Tells which failure something is, and so who acts, and what an operator is told.
 *
 * @returns `unexpected` for what no rule knows
 * @see docs/errors.md
 */
export function classifyFailure(facts: FailureFacts): Judgement {
  const rule = FAILURE_RULES.find(ruleFor(facts));
  if (!rule) return { code: 'unexpected', kind: kindOfCode.unexpected };
  const { code, hint } = rule;
  const database = facts.database ? `the ${facts.database} database` : 'the database';
  return { code, kind: kindOfCode[code], hint: hint.replace('the database', database) };
}

function ruleFor({ code, message = '', timeout, bytesFlowed }: FailureFacts) {
  const state = typeof code === 'string' ? code : '';
  const isSaid = ({ saying }: FailureRule) =>
    saying === undefined || saying.some((words) => message.includes(words));
  const has = (states: string) => (rule: FailureRule) =>
    rule.states?.includes(states) === true && isSaid(rule);
  if (timeout !== undefined)
    return ({ timeouts, whileBytesFlow }: FailureRule) =>
      timeouts?.includes(timeout) === true && (!whileBytesFlow || bytesFlowed === true);
  const hasErrno = ({ errnos }: FailureRule) =>
    errnos?.some((errno) => (errno.endsWith('_') ? state.startsWith(errno) : errno === state)) ===
    true;
  if (FAILURE_RULES.some(hasErrno)) return hasErrno;
  if (/^[0-9A-Z]{5}$/.test(state))
    return FAILURE_RULES.some(has(state)) ? has(state) : has(state.slice(0, 2));
  return ({ messages }: FailureRule) => messages?.some((known) => message.includes(known)) === true;
}

/**
 * What to look at when nobody can connect to a database; undefined where that is not a matter of its URL.
 *
 * @param role `source` or `target`
 */
export function hintToConnect(facts: FailureFacts, role: string): string | undefined {
  const rule = FAILURE_RULES.find(ruleFor(facts));
  if (!rule?.urlPart || !['source', 'target'].includes(role)) return undefined;
  const variable = `FAIRLEAD_${role.toUpperCase()}_URL`;
  return `check ${rule.urlPart} in [${role}] url, or ${variable}${rule.orElse ?? ''}`;
}
