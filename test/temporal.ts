import { randomBytes } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { inject } from 'vitest';

export type TestTemporal = AsyncDisposable & {
  address: string;
  namespace: string;
  client: Client;
  /** For workers. */
  nativeConnection: NativeConnection;
  /** Nobody else's: of this call. */
  taskQueue: string;
  /** A name that no other test uses. */
  unique: (name: string) => string;
};

/**
 * Connections to the Temporal server that all tests share, and names that keep them apart; closed at the end.
 *
 * @param options.shortHistory the server that suggests to continue as new after 40 events
 * @param options.address of a server that the test has to itself
 */
export async function testTemporal(
  options: { shortHistory?: boolean; address?: string } = {},
): Promise<TestTemporal> {
  const shared = inject(options.shortHistory ? 'shortHistoryTemporalAddress' : 'temporalAddress');
  const address = options.address ?? shared;
  const connection = await Connection.connect({ address });
  const nativeConnection = await NativeConnection.connect({ address });
  const suffix = randomBytes(6).toString('hex');
  const unique = (name: string) => `${name}-${suffix}`;
  return {
    address,
    namespace: 'default',
    client: new Client({ connection, namespace: 'default' }),
    nativeConnection,
    taskQueue: unique('test'),
    unique,
    [Symbol.asyncDispose]: async () => {
      await nativeConnection.close();
      await connection.close();
    },
  };
}
