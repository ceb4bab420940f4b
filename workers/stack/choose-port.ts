import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { FairleadError } from '../../domain/errors.ts';

/**
 * Below those that Linux, macOS and Windows give to outgoing connections: one of those may take a port between the
 * look at it and the server's start.
 */
const SERVER_PORTS = { from: 15_000, to: 32_768 };
const TRIES = 20;

/**
 * Chooses a port of 127.0.0.1 that is free now: the one that the user set, else the usual one, else any.
 *
 * @throws {FairleadError} `port-taken`, only for a port that the user set
 */
export async function choosePort(options: {
  wanted: number | undefined;
  usual: number;
  for: string;
}): Promise<number> {
  if (options.wanted === undefined) return (await freePort(options.usual)) ?? (await anyFreePort());
  const port = await freePort(options.wanted);
  if (port !== undefined) return port;
  throw portTaken(options.wanted, options.for);
}

export const portTaken = (port: number, purpose: string): FairleadError =>
  new FairleadError('port-taken', `port ${port}, set for ${purpose}, is in use on 127.0.0.1`, {
    hint: `end what listens there (\`ss -ltnp 'sport = :${port}'\` names it), or set another port, or none: then a free one is chosen`,
  });

export async function anyFreePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = await freePort(randomInt(SERVER_PORTS.from, SERVER_PORTS.to));
    if (port !== undefined) return port;
  }
  const port = await freePort(0);
  if (port !== undefined) return port;
  throw new FairleadError('port-taken', 'no port is free on 127.0.0.1', {
    hint: 'look at what holds them: `ss -tn | wc -l`',
  });
}

async function freePort(port: number): Promise<number | undefined> {
  const server = createServer();
  try {
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' ? address?.port : undefined;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
