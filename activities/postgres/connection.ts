import { Socket } from 'node:net';
import type * as netKeepalive from 'net-keepalive';
import { Pool, escapeIdentifier, type ClientBase, type PoolClient } from 'pg';
import { asFairleadError, connectFailure } from './postgres-failure.ts';

/** Idle, interval and count of TCP keepalive, and the bound for data that was written but not acknowledged. */
const KEEPALIVE_IDLE_MS = 30_000;
const KEEPALIVE_INTERVAL_MS = 10_000;
const KEEPALIVE_COUNT = 5;
const USER_TIMEOUT_MS = KEEPALIVE_IDLE_MS + KEEPALIVE_COUNT * KEEPALIVE_INTERVAL_MS;
const CONNECT_TIMEOUT_MS = 10_000;
/** Work that is still under way then has nobody to report to. */
const CLOSE_WITHIN_MS = 2_000;

/** What each session asks of the server, one by one, because a pooler or a platform may refuse any of them. */
const SESSION_SETTINGS: Record<string, string> = {
  tcp_keepalives_idle: '30',
  tcp_keepalives_interval: '10',
  tcp_keepalives_count: '5',
  client_connection_check_interval: '10s',
  jit: 'off',
  timezone: 'UTC',
  datestyle: 'ISO',
  extra_float_digits: '3',
};

export interface PoolOptions {
  /** A connection string; never shown to anyone. */
  url: string;
  /** What an operator calls this database: `source` or `target`. */
  role: 'source' | 'target';
  maxConnections: number;
  /** A statement that runs longer is ended by the server; without it, the server's own setting holds. */
  statementTimeoutMs?: number;
}

/** Whose databases the pools are, so that a failure to connect names the one that it is about. */
const roles = new WeakMap<Pool, PoolOptions['role']>();
const socketsOf = new WeakMap<Pool, Set<Socket>>();

/** A pool whose connections notice within 80 s that the other side is gone, in either direction. */
export function openPool({ url, role, maxConnections, statementTimeoutMs }: PoolOptions): Pool {
  const settings = {
    ...SESSION_SETTINGS,
    ...(statementTimeoutMs !== undefined && { statement_timeout: String(statementTimeoutMs) }),
  };
  const sockets = new Set<Socket>();
  const pool = new Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: `fairlead/${role}`,
    stream: () => keepaliveSocket(sockets),
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, though its types promise less
    onConnect: (client) => applySessionSettings(client, settings),
  });
  roles.set(pool, role);
  socketsOf.set(pool, sockets);
  pool.on('error', () => {
    // The pool has dropped this idle connection already, and opens another one when it is asked to.
  });
  return pool;
}

/** Ends a pool; a connection that is still in use after 2 s, or on a path that is dead, is cut. */
export async function closePool(pool: Pool): Promise<void> {
  const cut = setTimeout(() => {
    for (const socket of socketsOf.get(pool) ?? []) socket.destroy();
  }, CLOSE_WITHIN_MS);
  await pool.end().finally(() => clearTimeout(cut));
}

const { setKeepAliveInterval, setKeepAliveProbes, setUserTimeout } = await loadKeepalive();

/** Sets the options when the socket is connected: before that, the delay would be lost. */
function keepaliveSocket(sockets: Set<Socket>): Socket {
  const socket = new Socket();
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  socket.on('connect', () => {
    if (!socket.remotePort) return;
    socket.setKeepAlive(true, KEEPALIVE_IDLE_MS);
    setKeepAliveInterval?.(socket, KEEPALIVE_INTERVAL_MS);
    setKeepAliveProbes?.(socket, KEEPALIVE_COUNT);
    setUserTimeout?.(socket, USER_TIMEOUT_MS);
  });
  return socket;
}

/** The package's native part exists for Linux and macOS; elsewhere libuv's own interval of 1 s, ten times, holds. */
async function loadKeepalive(): Promise<Partial<typeof netKeepalive>> {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return {};
  const module = await import('net-keepalive');
  return module.default ?? module;
}

async function applySessionSettings(
  client: ClientBase,
  settings: Record<string, string>,
): Promise<void> {
  for (const [name, value] of Object.entries(settings)) {
    try {
      await client.query(`set ${escapeIdentifier(name)} = '${value}'`);
    } catch (error) {
      if (asFairleadError(error, 'setting up a session').code === 'connection-lost') throw error;
    }
  }
}

export interface ConnectionUse {
  /** Goes to `application_name`, so that a later attempt finds this one's backends. */
  name: string;
  /** What an error's message begins with; the name, unless given. */
  subject?: string;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` on one connection of the pool. The connection goes back only after success: a failed one is
 * destroyed, and no ROLLBACK is sent on it, which would replace the first error by its own.
 *
 * The signal ends the connection at once, so that nothing waits on a dead path.
 *
 * @throws {FairleadError} the first error, classified
 */
export async function withConnection<T>(
  pool: Pool,
  { name, subject = name, signal }: ConnectionUse,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const client = await connect(pool, name);
  const destroy = () =>
    (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy();
  const ignoreLateError = () => {
    // The query in flight is rejected with the same error; this keeps it from ending the process as well.
  };
  client.on('error', ignoreLateError);
  signal?.addEventListener('abort', destroy, { once: true });
  try {
    await client.query(`set application_name = '${name.replaceAll("'", "''")}'`);
    const result = await work(client);
    client.removeListener('error', ignoreLateError);
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    signal?.throwIfAborted();
    throw asFairleadError(error, subject);
  } finally {
    signal?.removeEventListener('abort', destroy);
  }
}

async function connect(pool: Pool, name: string): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    throw connectFailure(error, roles.get(pool) ?? name);
  }
}

/** Runs `work` in a transaction; every way out but success ends the connection, and so the transaction. */
export async function inTransaction<T>(client: PoolClient, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  const result = await work();
  await client.query('commit');
  return result;
}
