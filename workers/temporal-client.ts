import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import { FairleadError } from '../domain/errors.ts';
import type { TemporalLocation } from './temporal-location.ts';

const CONNECT_TIMEOUT_MS = 8_000;

/** A client and the connection that it closes in the end, without which a command would not exit. */
export interface TemporalClient extends AsyncDisposable {
  client: Client;
  connection: Connection;
  location: TemporalLocation;
}

/**
 * @throws {FairleadError} `temporal-unreachable` within ten seconds
 */
export async function connectTemporal(location: TemporalLocation): Promise<TemporalClient> {
  const connection = await connect(location);
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
