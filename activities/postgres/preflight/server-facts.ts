import { TLSSocket } from 'node:tls';
import type { PoolClient } from 'pg';
import { socketOf } from '../client-config.ts';
import { isDirect } from '../open-pool.ts';
import { isTcp } from '../socket-options.ts';
import { readRoleSettings } from './session-settings.ts';

/** What one server says of itself and of our session; asked once. */
export interface ServerFacts {
  version: string;
  versionNumber: number;
  user: string;
  database: string;
  databaseOid: number;
  encoding: string;
  inRecovery: boolean;
  /** Sessions of this role begin as read only, whatever we set. */
  isReadOnlyByDefault: boolean;
  /** Where `isReadOnlyByDefault` comes from, as `pg_settings.source` has it. */
  readOnlySource: string;
  /** The `alter database …` or `alter role …` behind it, where this role may undo that. */
  readOnlySubject: string | undefined;
  /** Tells one server from another. */
  startedAt: string;
  serverAddress: string | undefined;
  serverPort: number | undefined;
  /** By a unix socket, on which no network can die. */
  isUnixSocket: boolean;
  /** Something answers in the server's place, and makes up its process ids. */
  isPooled: boolean;
  /** Address or port change on the way: NAT, or a proxy. */
  isTranslated: boolean;
  isLoopback: boolean;
  /** By which version of TLS, from us to what answers. */
  encrypted: string | undefined;
}

/** Asks for all of it in a session as Fairlead sets it up. */
export async function readFacts(client: PoolClient): Promise<ServerFacts> {
  const { rows } = await client.query(
    `select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
            current_user as user, d.datname as database, d.oid::int8::text as oid,
            pg_encoding_to_char(d.encoding) as encoding, pg_is_in_recovery() as recovery,
            pg_postmaster_start_time()::text as started, host(inet_server_addr()) as server_address,
            inet_server_port() as server_port, inet_client_port() as client_port
       from pg_database d where d.datname = current_database()`,
  );
  const row = rows[0];
  const socket = socketOf(client);
  const isPooled = !isDirect(client);
  return {
    version: row.version,
    versionNumber: row.number,
    user: row.user,
    database: row.database,
    databaseOid: Number(row.oid),
    encoding: row.encoding,
    inRecovery: row.recovery,
    ...(await readOnlyByDefault(client)),
    startedAt: row.started,
    serverAddress: row.server_address ?? undefined,
    serverPort: row.server_port ?? undefined,
    isUnixSocket: !isTcp(socket),
    isPooled,
    isTranslated: !isPooled && row.client_port > 0 && row.client_port !== socket.localPort,
    isLoopback: /^(::ffff:)?127\.|^::1$/.test(socket.remoteAddress ?? ''),
    encrypted: socket instanceof TLSSocket ? (socket.getProtocol() ?? undefined) : undefined,
  };
}

/** As a session begins, before anybody sets it. */
async function readOnlyByDefault(
  client: PoolClient,
): Promise<Pick<ServerFacts, 'isReadOnlyByDefault' | 'readOnlySource' | 'readOnlySubject'>> {
  await client.query('set local default_transaction_read_only to default');
  const { rows } = await client.query(
    `select setting = 'on' as is_on, source from pg_settings where name = 'default_transaction_read_only'`,
  );
  const { is_on: isReadOnlyByDefault, source: readOnlySource } = rows[0];
  const made = (await readRoleSettings(client)).find(
    ({ name, source }) => name === 'default_transaction_read_only' && source === readOnlySource,
  );
  const readOnlySubject = made?.mayChange ? made.subject : undefined;
  return { isReadOnlyByDefault, readOnlySource, readOnlySubject };
}

/** The same server, and the same database on it. */
export const isSameServer = (one: ServerFacts, other: ServerFacts): boolean =>
  one.startedAt === other.startedAt && one.serverPort === other.serverPort;
