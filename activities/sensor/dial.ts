import { once } from 'node:events';
import { isIP, type createConnection, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { WebSocket, type ClientOptions } from 'ws';
import { connectTcp, type ConnectOptions } from './kept-path.ts';
import { resetHard } from './reset-hard.ts';
import type { ServerAddress } from './server-address.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';
import { within } from './within.ts';

/** From the TCP connection to the WebSocket, TLS included; a server that trickles its answer does not prolong it. */
const HANDSHAKE_WITHIN_MS = 10_000;
/** Over ten times the largest message that is known; one that is announced as longer ends the connection. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
const CLOSE_WITHIN_MS = 5_000;

/** The types do not know `closeTimeout` yet. Text that is no UTF-8 is recorded as it came, like all text. */
const settings: ClientOptions & { closeTimeout: number } = {
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  closeTimeout: CLOSE_WITHIN_MS,
  skipUTF8Validation: true,
};

export interface DialOptions extends ConnectOptions, TlsFiles {
  url: string;
  /** Called as soon as there is a TCP connection. */
  onTcp: (socket: Socket) => void;
  /** Adds the listeners: called before the handshake, for the first message may come together with its answer. */
  listen: (webSocket: WebSocket, socket: Socket) => void;
}

/**
 * Opens a WebSocket, in a bounded time. A handshake that fails ends in RST, so that it leaves nothing behind at the
 * server, and the port can be used again.
 */
export async function dial(options: DialOptions): Promise<WebSocket> {
  const { url, server, clock, signal } = options;
  const files = server.secure ? readTlsFiles(options) : {};
  const tcp = await connectTcp(options);
  options.onTcp(tcp);
  let awaited = server.secure ? 'TLS handshake (is its URL ws://, not wss://?)' : 'WebSocket';
  const late = () => new Error(`no ${awaited} within ${HANDSHAKE_WITHIN_MS / 1_000} s`);
  try {
    return await within({ ms: HANDSHAKE_WITHIN_MS, clock, signal, late }, async (inTime) => {
      const socket = server.secure ? await secure(tcp, server, files, inTime) : tcp;
      awaited = 'WebSocket';
      return await shakeHands(url, socket, options.listen, inTime);
    });
  } catch (error) {
    resetHard(tcp);
    throw error;
  }
}

async function secure(
  tcp: Socket,
  { host }: ServerAddress,
  files: ReturnType<typeof readTlsFiles>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = connectTls({
    socket: tcp,
    ...(isIP(host) ? { host } : { servername: host }),
    ...files,
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect', { signal });
  return socket;
}

function shakeHands(
  url: string,
  socket: Socket,
  listen: DialOptions['listen'],
  signal: AbortSignal,
): Promise<WebSocket> {
  const webSocket = new WebSocket(url, {
    ...settings,
    createConnection: (() => socket) as typeof createConnection,
  });
  listen(webSocket, socket);
  return new Promise((resolve, reject) => {
    webSocket.once('open', () => resolve(webSocket));
    webSocket.once('error', reject);
    webSocket.once('unexpected-response', (_, { statusCode }) =>
      reject(new Error(`answers with HTTP ${statusCode}, not with a WebSocket`)),
    );
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
