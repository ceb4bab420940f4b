import type { Socket } from 'node:net';
import { DatabaseError, type Pool, type PoolClient } from 'pg';
import { isAboutCells, type ConnectionPurpose } from '../../domain/connection-timing.ts';
import { FairleadError } from '../../domain/errors.ts';
import { cancelBackend } from './cancel-backend.ts';
import { isDeadPath } from './dead-path.ts';
import { socketOf } from './client-config.ts';
import { failureToConnect, prepareFor, roleOf, sessionOf } from './open-pool.ts';
import { asFairleadError, busy } from './postgres-failure.ts';
import type { Session } from './session-settings.ts';

export { closePool } from './close-pool.ts';
export { openPool, settingsOf, type ConnectionLog, type PoolOptions } from './open-pool.ts';

/** A connection as somebody sees it who watches whether anything moves on it. */
export interface WatchedConnection {
  pool: Pool;
  socket: Socket;
  /** Undefined for a connection of a pool that is not of `openPool`. */
  session: Session | undefined;
}

export interface ConnectionUse {
  /** Goes to `application_name`, so that a later attempt finds this one's backends. */
  name: string;
  /** Decides the server's timeouts. */
  purpose?: ConnectionPurpose;
  /** What an error's message begins with; the name, unless given. */
  subject?: string;
  signal?: AbortSignal | undefined;
  /** Is told of the connection; what it returns is called when the connection is given back. */
  watch?: (connection: WatchedConnection) => () => void;
}

/**
 * Runs `work` on one connection of the pool. The connection goes back only after success: a failed one is
 * destroyed, and no ROLLBACK is sent on it, which would replace the first error by its own.
 *
 * The signal ends the connection at once, so that nothing waits on a dead path; what the server still does for it is
 * cancelled from a second connection, unless the signal's reason is that the server does not answer.
 *
 * @throws {FairleadError} the first error, classified; or the signal's reason
 */
export async function withConnection<T>(
  pool: Pool,
  { name, purpose = 'bookkeeping', subject = name, signal, watch }: ConnectionUse,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await connect(pool, name, signal);
  const shownName = asApplicationName(name);
  const giveUp = () => abandon(pool, client, shownName, signal?.reason);
  // While no query is in flight, only this tells why the server ended the session. It also keeps the error from ending us.
  let whileIdle: unknown;
  const remember = (error: unknown) => void (whileIdle ??= error);
  client.on('error', remember);
  signal?.addEventListener('abort', giveUp, { once: true });
  const unwatch = watch?.({ pool, socket: socketOf(client), session: sessionOf(client) });
  try {
    await prepareFor(pool, client, shownName, purpose);
    const result = await work(client);
    client.removeListener('error', remember);
    client.release();
    return result;
  } catch (error) {
    if (isBusy(client)) abandon(pool, client, shownName, error);
    client.release(true);
    signal?.throwIfAborted();
    const isTold = isAnswer(error) || error instanceof FairleadError;
    const first = isAnswer(whileIdle) && !isTold ? whileIdle : error;
    throw failureOf(first, subject, pool, purpose);
  } finally {
    unwatch?.();
    signal?.removeEventListener('abort', giveUp);
  }
}

/** A connection that is made too late for its signal goes back to the pool. */
async function connect(
  pool: Pool,
  name: string,
  signal: AbortSignal | undefined,
): Promise<PoolClient> {
  signal?.throwIfAborted();
  const connecting = pool.connect();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([connecting, aborted]);
  } catch (error) {
    if (signal?.aborted)
      connecting.then(
        (client) => client.release(),
        () => {},
      );
    signal?.throwIfAborted();
    throw failureToConnect(error, pool, name);
  } finally {
    signal?.removeEventListener('abort', onAbort!);
  }
}

/** In the bytes that every version of the server shows as they are: whoever looks for it must find it. */
const asApplicationName = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?').slice(0, 63);

/** The server still works for us, and nobody waits for the result: an error of our own, in the middle of a COPY. */
const isBusy = (client: PoolClient): boolean =>
  !(client as unknown as { readyForQuery: boolean }).readyForQuery;

/** Cancels on the server what this connection may be at, and ends the connection, without waiting for either. */
function abandon(pool: Pool, client: PoolClient, name: string, reason: unknown): void {
  const session = sessionOf(client);
  const socket = socketOf(client);
  const isOver = socket.destroyed || isAnswer(reason) || isDeadPath(reason);
  if (session && !isOver) cancelBackend(pool, session, name);
  socket.destroy();
}

/** The server has ended the statement by itself. */
const isAnswer = (error: unknown): boolean => error instanceof DatabaseError;

/** Only where cells are read or written, what took too much time or memory had too many of them. */
function failureOf(
  error: unknown,
  subject: string,
  pool: Pool,
  purpose: ConnectionPurpose,
): FairleadError {
  const failure = asFairleadError(error, subject, roleOf(pool));
  if (failure.kind !== 'too-big' || isAboutCells(purpose)) return failure;
  return busy(failure);
}

/** Runs `work` in a transaction; every way out but success ends the connection, and so the transaction. */
export async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  const result = await work();
  await client.query('commit');
  return result;
}
