import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface StreamClient extends AsyncDisposable {
  socket: WebSocket;
  /** The next message after those that were taken already. */
  next(): Promise<{ bytes: Buffer; isBinary: boolean }>;
  /** Resolves with the payload of the pong. */
  ping(payload: string): Promise<string>;
  closed: Promise<{ code: number; reason: string }>;
}

/** A client that we did not write: the `ws` package, open unless the server does not let it. */
export async function openClient(url: string, options = {}): Promise<StreamClient> {
  const client = dialClient(url, options);
  await Promise.race([once(client.socket, 'open'), client.closed]);
  return client;
}

/** As {@link openClient}, without waiting for the handshake. */
export function dialClient(url: string, options = {}): StreamClient {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const messages: { bytes: Buffer; isBinary: boolean }[] = [];
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer, isBinary) => messages.push({ bytes: data, isBinary }));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() })),
  );
  return {
    socket,
    closed,
    next: async () => {
      while (messages.length === 0) await once(socket, 'message');
      return messages.shift()!;
    },
    ping: async (payload) => {
      const pong = once(socket, 'pong');
      socket.ping(payload);
      const [answer] = (await pong) as [Buffer];
      return answer.toString();
    },
    [Symbol.asyncDispose]: async () => {
      socket.terminate();
      await closed;
    },
  };
}
