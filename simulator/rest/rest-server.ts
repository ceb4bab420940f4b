import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { FaultBoard } from '../faults.ts';
import { listen } from '../listen.ts';
import type { TlsFiles } from '../stream/stream-server.ts';
import { tcpStates } from '../tcp-states.ts';
import { answerControl, isControl, type Controlled } from './control.ts';
import { answer, type RestAnswer } from './resources.ts';
import { meetFault } from './rest-fault.ts';
import type { RestState } from './rest-state.ts';

export interface RestServerOptions {
  host: string;
  port: number;
  tls: TlsFiles | undefined;
  state: RestState;
  board: FaultBoard;
  onChange: () => void;
}

/** Without those of `/simulator/…`, by which tests control us. */
export interface RestCounts {
  now: number;
  ever: number;
  peak: number;
  requests: number;
  /** Sockets of the port by TCP state, from the kernel, at the moment of reading this. */
  readonly tcp: Record<string, number> | undefined;
}

export interface RestServer {
  port: number;
  counts(): RestCounts;
  stop(): Promise<void>;
}

/** Longer than clients keep an idle connection: who closes first has the TIME_WAIT. */
const KEEP_ALIVE_MS = 90_000;

export async function startRestServer(
  options: RestServerOptions,
  controlled: Controlled,
): Promise<RestServer> {
  const { host, tls, onChange } = options;
  const sockets = new Set<Socket>();
  const counted = { ever: 0, peak: 0, requests: 0 };
  const count = (socket: Socket) => {
    counted.requests++;
    if (!sockets.has(socket)) {
      sockets.add(socket);
      counted.ever++;
      counted.peak = Math.max(counted.peak, sockets.size);
      socket.once('close', () => {
        sockets.delete(socket);
        onChange();
      });
    }
    onChange();
  };
  const take = (request: IncomingMessage, response: ServerResponse) => {
    void serve(request, response, options, controlled, count);
  };
  const server = tls ? createTlsServer(tls, take) : createServer(take);
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const port = await listen(server, host, options.port);
  return {
    port,
    counts: () => ({
      now: sockets.size,
      ...counted,
      get tcp() {
        return tcpStates(port);
      },
    }),
    stop: () => close(server),
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { state, board }: RestServerOptions,
  controlled: Controlled,
  count: (socket: Socket) => void,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://server');
  const { method = 'GET', socket } = request;
  const parts = { method, path: url.pathname, query: url.searchParams };
  try {
    if (isControl(url.pathname)) {
      say(response, await answerControl({ ...parts, body: await bodyOf(request) }, controlled));
      return;
    }
    count(socket);
    const body = await bodyOf(request);
    if (await meetFault(board, parts, request, response)) return;
    say(response, answer({ ...parts, body }, state));
  } catch (error) {
    if (!response.headersSent) say(response, { status: 500, body: String(error) });
    else socket.destroy();
  }
}

function say(response: ServerResponse, { status, body }: RestAnswer): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json');
  response.end(body);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
}
