import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface PlayedRestServer extends AsyncDisposable {
  base: string;
  port: number;
  /** Oldest first. */
  requests: { atMs: number; line: string; body: string }[];
  connections: () => number;
}

export type Play = (response: ServerResponse, request: IncomingMessage, nth: number) => void;

/** An HTTP server that answers as the test says, and writes down what it was asked. */
export async function playRestServer(play: Play): Promise<PlayedRestServer> {
  const requests: PlayedRestServer['requests'] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const line = `${request.method} ${request.url}`;
      requests.push({ atMs: performance.now(), line, body: Buffer.concat(parts).toString() });
      play(response, request, requests.length);
    });
  });
  server.keepAliveTimeout = 0;
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    base: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

export const json = (response: ServerResponse, value: unknown): void =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));

/** Half of what was announced, and then the end of the connection. */
export function halfAnswer(response: ServerResponse): void {
  response.writeHead(200, { 'content-length': '1000' });
  response.write('{"project_name":', () => response.socket?.destroy());
}
