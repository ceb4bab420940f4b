import type { Socket } from 'node:net';
import { Pool, type ClientBase, type ClientConfig, type PoolClient } from 'pg';
import {
  DEFAULT_CONNECTION_TIMING,
  type ConnectionPurpose,
  type ConnectionTiming,
} from '../../domain/connection-timing.ts';
import type { FairleadError } from '../../domain/errors.ts';
import { readClientConfig, socketOf, type DatabaseAddress } from './client-config.ts';
import { belongsTo } from './ledger-schema.ts';
import { asFairleadError, connectFailure } from './postgres-failure.ts';
import { setLimits, setUpSession, type Session, type SettingOutcome } from './session-settings.ts';
import { isTcp, openSocket } from './socket-options.ts';
import type { TlsOfUrl } from './tls-of-url.ts';

const CONNECT_TIMEOUT_MS = 10_000;

/** What both Temporal's and pino's log can be put behind. */
export interface ConnectionLog {
  warn(message: string, fields: Record<string, unknown>): void;
}

export interface PoolOptions extends DatabaseAddress {
  maxConnections: number;
  /** Decides the schema of the ledger; the usual one without it. */
  installation?: string | undefined;
  timing?: ConnectionTiming;
  /** Is told once of each setting that the database refuses; without it, nobody is. */
  log?: ConnectionLog | undefined;
}

/** What a pool of ours knows beside its connections. */
interface PoolState {
  role: PoolOptions['role'];
  timing: ConnectionTiming;
  clientConfig: ClientConfig;
  tls: TlsOfUrl;
  /** `db.example:5432`, for messages. */
  server: string;
  sockets: Set<Socket>;
  /** What was asked last, and what became of it, by setting. */
  settings: Map<string, SettingOutcome>;
  readLimits: Set<ConnectionPurpose>;
  tell: (outcome: SettingOutcome) => void;
}

const states = new WeakMap<Pool, PoolState>();
const sessions = new WeakMap<ClientBase, Session>();

/** A pool whose connections notice within 80 s that the other side is gone, in either direction. */
export function openPool({
  maxConnections,
  installation,
  timing = DEFAULT_CONNECTION_TIMING,
  log,
  ...database
}: PoolOptions): Pool {
  const { role } = database;
  const { config, tls, server, renew } = readClientConfig(database);
  const sockets = new Set<Socket>();
  const settings = new Map<string, SettingOutcome>();
  const tell = tellOnce(role, settings, log);
  const clientConfig: ClientConfig = {
    ...config,
    application_name: `fairlead/${role}`,
    stream: () => {
      renew();
      return trackedSocket(timing, sockets, tell);
    },
  };
  const pool = new Pool({
    ...clientConfig,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, though its types promise less
    onConnect: async (client) => {
      belongsTo(client, installation);
      const session = await setUpSession(client, timing, isTcp(socketOf(client)));
      sessions.set(client, session);
      session.settings.forEach(tell);
    },
  });
  belongsTo(pool, installation);
  const readLimits = new Set<ConnectionPurpose>();
  states.set(pool, {
    role,
    timing,
    clientConfig,
    tls,
    server,
    sockets,
    settings,
    readLimits,
    tell,
  });
  pool.on('error', () => {
    // The pool has dropped this idle connection already, and opens another one when it is asked to.
  });
  return pool;
}

/** What a pool's connections asked of the server, and what the server made of it; empty before the first one. */
export const settingsOf = (pool: Pool): SettingOutcome[] => [
  ...(states.get(pool)?.settings.values() ?? []),
];

/** Undefined for a pool that is not of {@link openPool}. */
export const roleOf = (pool: Pool): PoolOptions['role'] | undefined => states.get(pool)?.role;

/** The sockets of a pool that are open. */
export const socketsOf = (pool: Pool): Iterable<Socket> => states.get(pool)?.sockets ?? [];

/** How to connect to a pool's database outside of it; undefined for a pool that is not of {@link openPool}. */
export const clientConfigOf = (pool: Pool): ClientConfig | undefined =>
  states.get(pool)?.clientConfig;

/** What the URL asks of TLS, and of whom; undefined for a pool that is not of {@link openPool}. */
export const askedOf = (pool: Pool): Pick<PoolState, 'tls' | 'server'> | undefined =>
  states.get(pool);

/** Undefined for a connection of a pool that is not of {@link openPool}. */
export const sessionOf = (client: ClientBase): Session | undefined => sessions.get(client);

/** A pooler makes up the process id that it tells its clients. */
export const isDirect = (client: ClientBase): boolean =>
  sessionOf(client)?.pid === (client as unknown as { processID: number }).processID;

/** Gives a connection the name and the limits of what it is taken for. */
export async function prepareFor(
  pool: Pool,
  client: PoolClient,
  name: string,
  purpose: ConnectionPurpose,
): Promise<void> {
  const { timing, readLimits, tell } = states.get(pool) ?? {
    timing: DEFAULT_CONNECTION_TIMING,
  };
  const isNew = readLimits !== undefined && !readLimits.has(purpose);
  const outcomes = await setLimits(client, name, purpose, timing, isNew);
  readLimits?.add(purpose);
  if (tell) outcomes.forEach(tell);
}

/** The failure to get a connection, with what to look at. */
export const failureToConnect = (error: unknown, pool: Pool, name: string): FairleadError => {
  const state = states.get(pool);
  return state ? connectFailure(error, state.role, state.server) : asFairleadError(error, name);
};

function trackedSocket(
  timing: ConnectionTiming,
  sockets: Set<Socket>,
  tell: (outcome: SettingOutcome) => void,
): Socket {
  const socket = openSocket(timing, (error) => {
    const refusal = error instanceof Error ? error.message : String(error);
    tell({
      name: 'TCP_USER_TIMEOUT',
      asked: 'on our own socket',
      found: undefined,
      accepted: false,
      refusal,
    });
  });
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  return socket;
}

/** Remembers each outcome, and says of each setting once that it was refused. */
function tellOnce(
  role: PoolOptions['role'],
  settings: Map<string, SettingOutcome>,
  log: ConnectionLog | undefined,
): (outcome: SettingOutcome) => void {
  const told = new Set<string>();
  return (outcome) => {
    settings.set(outcome.name, outcome);
    if (outcome.accepted || told.has(outcome.name)) return;
    told.add(outcome.name);
    const { name: setting, asked, found, refusal } = outcome;
    log?.warn('connection setting refused', { database: role, setting, asked, found, refusal });
  };
}
