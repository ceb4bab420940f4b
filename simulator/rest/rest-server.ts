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

/** Longer than clients keep an idle connection: who closes first has the TIME_WAIT. */
const KEEP_ALIVE_MS = 90_000;

/** Answers the REST resources, and under `/simulator/` those who control us. */
export class RestServer {
  port = 0;
  readonly #options: RestServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #ever = 0;
  #peak = 0;
  #requests = 0;

  constructor(options: RestServerOptions, controlled: Controlled) {
    const take = (request: IncomingMessage, response: ServerResponse) => {
      void serve(request, response, options, controlled, (socket) => this.#count(socket));
    };
    const { tls } = options;
    this.#options = options;
    this.#server = tls ? createTlsServer(tls, take) : createServer(take);
    this.#server.keepAliveTimeout = KEEP_ALIVE_MS;
  }

  async open(): Promise<void> {
    this.port = await listen(this.#server, this.#options.host, this.#options.port);
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  counts(): RestCounts {
    const { port } = this;
    return {
      now: this.#sockets.size,
      ever: this.#ever,
      peak: this.#peak,
      requests: this.#requests,
      get tcp() {
        return tcpStates(port);
      },
    };
  }

  #count(socket: Socket): void {
    this.#requests++;
    if (!this.#sockets.has(socket)) this.#add(socket);
    this.#options.onChange();
  }

  #add(socket: Socket): void {
    this.#sockets.add(socket);
    this.#ever++;
    this.#peak = Math.max(this.#peak, this.#sockets.size);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#options.onChange();
    });
  }
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
