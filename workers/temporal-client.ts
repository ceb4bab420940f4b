import {
  Client,
  Connection,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
  type ConnectionOptions,
  type DataConverter,
} from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { TemporalLocation } from './temporal-location.ts';
import { temporalTlsFailure } from './temporal-tls.ts';

const CONNECT_TIMEOUT_MS = 6_000;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

/** A client and the connection that it closes in the end, without which a command would not exit. */
export interface TemporalClient extends AsyncDisposable {
  client: Client;
  connection: Connection;
  location: TemporalLocation;
}

/**
 * @throws {FairleadError} `temporal-unreachable` within ten seconds, or `tls-failed`; `config-invalid` when it has no such namespace
 */
export async function connectTemporal(location: TemporalLocation): Promise<TemporalClient> {
  const closed = new AbortController();
  const connection = await connect(location, closed.signal);
  const close = async (): Promise<void> => {
    closed.abort();
    await connection.close();
  };
  try {
    await requireNamespace(connection, location);
  } catch (error) {
    await close();
    throw error;
  }
  const client = new Client({
    connection,
    namespace: location.namespace,
    ...converterOf(location),
  });
  return { client, connection, location, [Symbol.asyncDispose]: close };
}

async function connect(location: TemporalLocation, closed: AbortSignal): Promise<Connection> {
  const options = location.connectionOptions as ConnectionOptions;
  const interceptors = repeatedUntil(closed);
  const connectTimeout = CONNECT_TIMEOUT_MS;
  try {
    return await Connection.connect({ ...options, interceptors, connectTimeout });
  } catch (error) {
    const ofTls = location.local ? undefined : await temporalTlsFailure(location, error);
    throw ofTls ?? temporalUnreachable(location, error);
  }
}

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];

/**
 * The SDK repeats a failed call from a timer, cancelled or not: on a connection that is closed by then it would throw
 * where nobody can catch it, and end the process. Such a call goes nowhere instead; nobody waits for it.
 */
function repeatedUntil(closed: AbortSignal): Interceptor[] {
  const untilClosed = ((options, nextCall) =>
    closed.aborted ? callToNowhere : nextCall(options)) as Interceptor;
  return [makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), untilClosed];
}

const callToNowhere = {
  start: () => undefined,
  sendMessage: () => undefined,
  halfClose: () => undefined,
  cancelWithStatus: () => undefined,
} as unknown as ReturnType<Interceptor>;

/** Also tells a web server, such as Temporal's own UI, from a Temporal server: the client connects to both. */
async function requireNamespace(connection: Connection, location: TemporalLocation): Promise<void> {
  const { namespace, address } = location;
  const ask = () => connection.workflowService.describeNamespace({ namespace });
  try {
    await connection.withDeadline(Date.now() + CONNECT_TIMEOUT_MS / 2, ask);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === UNIMPLEMENTED)
      throw new FairleadError(
        'temporal-unreachable',
        `what answers at ${address} is no Temporal server`,
        {
          hint: 'check TEMPORAL_ADDRESS: 7233 is the usual port, and 8233 that of the UI',
          cause: error,
        },
      );
    if (code === NOT_FOUND)
      throw new FairleadError(
        'config-invalid',
        `the Temporal server at ${address} has no namespace ${namespace}`,
        {
          hint: `check TEMPORAL_NAMESPACE, or create it: temporal operator namespace create --namespace ${namespace}`,
          cause: error,
        },
      );
    // Whoever may not look at the namespace may still use it.
  }
}

/** For a client, and for a worker. */
export const converterOf = ({ payloads }: TemporalLocation): { dataConverter?: DataConverter } =>
  payloads ? { dataConverter: payloads.dataConverter } : {};

export function temporalUnreachable(
  { address, local }: TemporalLocation,
  cause: unknown,
): FairleadError {
  const hint = local
    ? 'start it with "fairlead up"; migrations and sessions go on from where they were'
    : 'check TEMPORAL_ADDRESS and temporal.toml, and that the server runs; then repeat the command';
  return new FairleadError('temporal-unreachable', `no Temporal server answers at ${address}`, {
    hint,
    cause,
  });
}
