import { escapeIdentifier, escapeLiteral, type ClientBase } from 'pg';
import {
  limitsFor,
  type ConnectionPurpose,
  type ConnectionTiming,
} from '../../domain/connection-timing.ts';
import { asFairleadError } from './postgres-failure.ts';
import { queryEach, type Answer } from './query-each.ts';

/** A setting that a session asked for, and what became of it. */
export interface SettingOutcome {
  name: string;
  /** As it was asked for; times in milliseconds, but those of keepalive in seconds. */
  asked: string;
  /** As the server shows it afterwards; undefined where it does not know the setting. */
  found: string | undefined;
  accepted: boolean;
  /** The server's words, when it refused. */
  refusal?: string;
}

/** A session as the server knows it. */
export interface Session {
  /** Of the backend itself: through a pooler, it is another one than the protocol tells. */
  pid: number;
  /** When that backend started, to the microsecond: tells it from a later one with the same id. Unknown without rights. */
  startedAt: string | undefined;
  /** Such as 180004. */
  serverVersion: number;
  settings: SettingOutcome[];
}

/** By which a server notices that its client is gone; not `tcp_user_timeout`, which also counts a client that is slow. */
function noticingDeath(timing: ConnectionTiming): Record<string, string> {
  const seconds = (ms: number) => String(Math.max(1, Math.round(ms / 1_000)));
  return {
    tcp_keepalives_idle: seconds(timing.keepaliveIdleMs),
    tcp_keepalives_interval: seconds(timing.keepaliveIntervalMs),
    tcp_keepalives_count: String(timing.keepaliveCount),
    client_connection_check_interval: String(timing.keepaliveIntervalMs),
  };
}

/** How values are to be understood, and that hundreds of expressions are not compiled first. */
const UNDERSTANDING: Record<string, string> = {
  jit: 'off',
  timezone: 'UTC',
  datestyle: 'ISO',
  extra_float_digits: '3',
};

/**
 * Sets up a new session in one round trip. Each setting is asked for by itself, because a pooler or a platform may
 * refuse any of them, and read back.
 *
 * @param isTcp no keepalive on a Unix socket
 * @throws {FairleadError} `connection-lost`, …: the session is of no use
 */
export async function setUpSession(
  client: ClientBase,
  timing: ConnectionTiming,
  isTcp: boolean,
): Promise<Session> {
  const asked = { ...(isTcp && noticingDeath(timing)), ...UNDERSTANDING };
  const statements = Object.entries(asked).map(setStatement);
  const answers = await queryEach(client, [...statements, WHO, SINCE_WHEN, showAll(asked)]);
  const [who, sinceWhen, shown] = answers.slice(statements.length);
  const { pid, version } = firstRow(who!);
  return {
    pid: Number(pid),
    startedAt: 'error' in sinceWhen! ? undefined : String(firstRow(sinceWhen!)['started']),
    serverVersion: Number(version),
    settings: outcomesOf(asked, answers, firstRow(shown!)),
  };
}

/**
 * Gives a session its limits and its name for the next piece of work, in one round trip.
 *
 * @param isRead whether to read back what the server made of it
 */
export async function setLimits(
  client: ClientBase,
  name: string,
  purpose: ConnectionPurpose,
  timing: ConnectionTiming,
  isRead: boolean,
): Promise<SettingOutcome[]> {
  const limits = Object.entries(limitsFor(purpose, timing)) as [string, number | undefined][];
  const asked = Object.fromEntries(
    limits.flatMap(([limit, ms]) => (ms === undefined ? [] : [[limit, String(ms)]])),
  );
  const left = limits.filter(([, ms]) => ms === undefined).map(([limit]) => `reset ${limit}`);
  const statements = [
    ...Object.entries(asked).map(setStatement),
    ...left,
    setStatement(['application_name', name]),
    ...(isRead ? [showAll(asked)] : []),
  ];
  const answers = await queryEach(client, statements);
  for (const answer of answers) throwIfLost(answer);
  return isRead ? outcomesOf(asked, answers, firstRow(answers.at(-1)!)) : [];
}

const setStatement = ([name, value]: [string, string]): string =>
  `set ${escapeIdentifier(name)} = ${escapeLiteral(value)}`;

const WHO = `select pg_backend_pid() as pid, current_setting('server_version_num') as version`;
const SINCE_WHEN = `select backend_start::text as started from pg_stat_get_activity(pg_backend_pid())`;

/** Without `pg_settings`, which lays out all of its 380 rows for each question. */
const showAll = (asked: Record<string, string>): string =>
  `select ${Object.keys(asked)
    .map((name) => `current_setting('${name}', true) as ${escapeIdentifier(name)}`)
    .join(', ')}`;

function firstRow(answer: Answer): Record<string, unknown> {
  if ('error' in answer) throw asFairleadError(answer.error, 'setting up a session');
  return answer.result.rows[0];
}

function outcomesOf(
  asked: Record<string, string>,
  answers: readonly Answer[],
  shown: Record<string, unknown>,
): SettingOutcome[] {
  return Object.entries(asked).map(([name, value], index) => {
    const answer = answers[index]!;
    throwIfLost(answer);
    const found = (shown[name] ?? undefined) as string | undefined;
    const refusal = 'error' in answer ? answer.error.message : undefined;
    const accepted = refusal === undefined && isSame(value, found);
    return { name, asked: value, found, accepted, ...(refusal !== undefined && { refusal }) };
  });
}

function throwIfLost(answer: Answer): void {
  if (!('error' in answer)) return;
  const failure = asFairleadError(answer.error, 'setting up a session');
  if (failure.code === 'connection-lost') throw failure;
}

const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** The server shows times in the largest unit that fits: `45s` for 45000. */
function isSame(asked: string, found: string | undefined): boolean {
  if (found === undefined) return false;
  const [, count, unit] = /^(\d+)(ms|s|min|h|d)$/.exec(found) ?? [];
  if (unit !== undefined) return Number(count) * (UNIT_MS[unit] ?? 1) === Number(asked);
  // A date style is shown with the order of day and month.
  return [found, found.split(',')[0]].includes(asked);
}
