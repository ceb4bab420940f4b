import type { Pool, PoolClient } from 'pg';
import { PREFLIGHT_LOCK_MS } from '../../../domain/connection-timing.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { checksOf, type Check, type CheckGroup } from '../../../domain/preflight.ts';
import { formatDurationMs } from '../../../domain/time.ts';
import { withConnection } from '../connection.ts';
import { isDirect } from '../open-pool.ts';
import type { ServerFacts } from './server-facts.ts';

/** What one statement may take, unless it needs more. */
export const STATEMENT_MS = 5_000;
/** What a connection is taken for. */
export const PREFLIGHT = { name: 'fairlead/preflight', purpose: 'preflight' } as const;
/** For connecting, and for what passes between statements. */
const GRACE_MS = 2_000;

/** One of the two databases, once it has answered. */
export interface Side {
  role: 'source' | 'target';
  pool: Pool;
  facts: ServerFacts;
}

/** How long all looks together may take. */
export class Deadline {
  readonly #endsAt: number;

  constructor(totalMs: number) {
    this.#endsAt = performance.now() + totalMs;
  }

  get leftMs(): number {
    return Math.max(0, this.#endsAt - performance.now());
  }

  /** @throws {OutOfTime} when nothing is left of it */
  share(ms: number): number {
    const share = Math.floor(Math.min(ms, this.leftMs));
    if (share < 1) throw new OutOfTime(ms);
    return share;
  }
}

/** What was asked for could not be had in time. */
export class OutOfTime extends Error {
  readonly withinMs: number;

  constructor(withinMs: number, options: ErrorOptions = {}) {
    super(`not to be had within ${formatDurationMs(withinMs)}`, options);
    this.withinMs = withinMs;
  }
}

/**
 * Runs `work` in one short transaction that can change nothing: read only, no lock waited for longer than 100 ms,
 * each statement ended by the server after `ms`, and the whole cut off soon after.
 *
 * @throws {OutOfTime}
 * @throws {FairleadError} as {@link withConnection}
 */
export async function look<T>(
  pool: Pool,
  deadline: Deadline,
  work: (client: PoolClient) => Promise<T>,
  ms: number = STATEMENT_MS,
): Promise<T> {
  const shareMs = deadline.share(ms);
  const use = { ...PREFLIGHT, signal: AbortSignal.timeout(shareMs + GRACE_MS) };
  try {
    return await withConnection(pool, use, async (client) => {
      await makeReadOnly(client);
      await client.query(
        `begin isolation level repeatable read, read only;
         set local lock_timeout = ${PREFLIGHT_LOCK_MS};
         set local statement_timeout = ${shareMs}`,
      );
      const result = await work(client);
      await client.query('commit');
      return result;
    });
  } catch (error) {
    if (isTimeout(error)) throw new OutOfTime(shareMs, { cause: error });
    throw error;
  }
}

const stateOf = (error: unknown): string | undefined =>
  error instanceof FairleadError ? (error.cause as { code?: string } | undefined)?.code : undefined;

/** 57014 is the server's own end of the statement. */
const isTimeout = (error: unknown): boolean =>
  (error as { name?: string }).name === 'TimeoutError' || stateOf(error) === '57014';

const readOnly = new WeakSet<PoolClient>();

/** Not behind a pooler, which would hand the setting on to its other clients; each transaction is read only there too. */
async function makeReadOnly(client: PoolClient): Promise<void> {
  if (readOnly.has(client)) return;
  if (isDirect(client)) await client.query('set default_transaction_read_only = on');
  readOnly.add(client);
}

/** The checks that `work` makes; one that says why there are none, where it fails. */
export async function attempt(
  group: CheckGroup,
  about: string,
  name: string,
  work: () => Promise<Check[]>,
): Promise<Check[]> {
  try {
    return await work();
  } catch (error) {
    return [checkOfFailure(group, about, name, error)];
  }
}

const WHO_BLOCKS =
  "select pid, usename, state, left(query, 60) from pg_stat_activity where pid in (select pid from pg_locks where granted and mode = 'AccessExclusiveLock');";

export function checkOfFailure(
  group: CheckGroup,
  about: string,
  name: string,
  error: unknown,
): Check {
  const { look: toLookAt, stop } = checksOf(group, about);
  if (error instanceof OutOfTime) return toLookAt(name, error.message);
  if (!(error instanceof FairleadError)) return toLookAt(name, `not to be had: ${String(error)}`);
  if (stateOf(error) === '55P03')
    return toLookAt(name, `another session holds a lock on it: ${error.message}`, WHO_BLOCKS);
  if (error.kind === 'operator' || error.kind === 'usage')
    return stop(name, error.message, error.hint ?? null);
  return toLookAt(name, `not to be had: ${error.message}`, error.hint ?? null);
}
