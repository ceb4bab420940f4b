import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

const TRIES = 20;
const LOWEST = 15_000;
const HIGHEST = 30_000;

/**
 * Listens on the port, or, for 0, on a free one outside the range from which the system chooses ports for clients:
 * where nobody listens for a while, a client that dials would else meet itself.
 */
export async function listen(server: Server, host: string, port: number): Promise<number> {
  for (let left = port === 0 ? TRIES : 1; ; left--) {
    server.listen(port || LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST)), host);
    try {
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || left <= 1) throw error;
    }
  }
}
