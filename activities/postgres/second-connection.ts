import { Client, type Pool } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import { socketOf } from './client-config.ts';
import { clientConfigOf } from './open-pool.ts';
import { asFairleadError } from './postgres-failure.ts';

/**
 * Asks a pool's server something on a connection of its own, outside of the pool, whose connections may all be
 * taken, or lie on a path that is dead.
 *
 * @param withinMs for connecting, asking and the answer together
 * @throws {FairleadError} `connection-lost` when no answer came in time; another code when the server refused
 */
export async function askOnSecondConnection(
  pool: Pool,
  withinMs: number,
  text: string,
  values: unknown[],
): Promise<Record<string, unknown>[]> {
  const config = clientConfigOf(pool);
  if (!config) throw new TypeError('the pool is not of openPool');
  const client = new Client({ ...config, application_name: 'fairlead/second' });
  client.on('error', () => {
    // The question is rejected with the same error.
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(noAnswer(withinMs)), withinMs);
  });
  try {
    return await Promise.race([late, ask(client, text, values)]);
  } catch (error) {
    throw asFairleadError(error, 'a second connection');
  } finally {
    clearTimeout(timer);
    // Not by `end`, which waits for the other side.
    socketOf(client).destroy();
  }
}

async function ask(
  client: Client,
  text: string,
  values: unknown[],
): Promise<Record<string, unknown>[]> {
  await client.connect();
  const { rows } = await client.query(text, values);
  return rows;
}

const noAnswer = (withinMs: number) =>
  new FairleadError('connection-lost', `the server did not answer within ${withinMs / 1_000} s`);
