import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { TemporalLocation } from './temporal-location.ts';

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
 * @throws {FairleadError} `temporal-unreachable` within ten seconds; `config-invalid` when it has no such namespace
 */
export async function connectTemporal(location: TemporalLocation): Promise<TemporalClient> {
  const connection = await connect(location);
  try {
    await requireNamespace(connection, location);
  } catch (error) {
    await connection.close();
    throw error;
  }
  const client = new Client({ connection, namespace: location.namespace });
  return { client, connection, location, [Symbol.asyncDispose]: () => connection.close() };
}

async function connect(location: TemporalLocation): Promise<Connection> {
  const options = location.connectionOptions as ConnectionOptions;
  try {
    return await Connection.connect({ ...options, connectTimeout: CONNECT_TIMEOUT_MS });
  } catch (error) {
    throw temporalUnreachable(location, error);
  }
}

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

export function temporalUnreachable(
  { address, local }: TemporalLocation,
  cause: unknown,
): FairleadError {
  const hint = local
    ? 'start it with "fairlead up"; migrations go on from where they were'
    : 'check TEMPORAL_ADDRESS and temporal.toml, and that the server runs; then repeat the command';
  return new FairleadError('temporal-unreachable', `no Temporal server answers at ${address}`, {
    hint,
    cause,
  });
}
