import { createHash } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** What the server saw of one TCP connection. */
export interface SeenConnection {
  remotePort: number;
  openedAtMs: number;
  endedAtMs?: number;
  /** Of the client's end. */
  end?: 'fin' | 'reset';
}

export interface RawServer extends AsyncDisposable {
  url: string;
  port: number;
  connections: readonly SeenConnection[];
  /** The server's sides, to write to or to destroy. */
  sockets: readonly Socket[];
  /** Until so many connections were made. */
  untilConnections: (count: number) => Promise<void>;
  /** Until so many connections have ended. */
  untilEnded: (count: number) => Promise<void>;
}

/** A server that speaks TCP, and of WebSocket what a test makes it say; written byte by byte, without a library. */
export async function rawServer(
  answer: (socket: Socket, index: number) => void,
): Promise<RawServer> {
  const connections: SeenConnection[] = [];
  const sockets: Socket[] = [];
  const seen = new EventEmitter();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const connection: SeenConnection = {
      remotePort: socket.remotePort!,
      openedAtMs: performance.now(),
    };
    const ended = (end: 'fin' | 'reset') => {
      connection.end ??= end;
      connection.endedAtMs ??= performance.now();
      seen.emit('change');
    };
    socket.on('error', () => ended('reset'));
    socket.on('end', () => {
      ended('fin');
      socket.end();
    });
    socket.on('close', () => ended('fin'));
    sockets.push(socket);
    connections.push(connection);
    answer(socket, connections.length - 1);
    seen.emit('change');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const until = async (isSo: () => boolean) => {
    while (!isSo()) await once(seen, 'change');
  };
  return {
    url: `ws://127.0.0.1:${port}`,
    port,
    connections,
    sockets,
    untilConnections: (count) => until(() => connections.length >= count),
    untilEnded: (count) => until(() => connections.filter(({ end }) => end).length >= count),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** RFC 6455, 1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Reads the client's request, and gives the answer that makes it a WebSocket. */
export async function handshakeOf(socket: Socket): Promise<string> {
  let request = '';
  while (!request.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    request += chunk.toString('latin1');
  }
  const key = /sec-websocket-key: (\S+)/i.exec(request)![1]!;
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Answers the handshake, then writes `bytes`; reads on, so that it sees the client's end. */
export const answerWebSocket = (socket: Socket, ...bytes: Uint8Array[]): void =>
  void shakeHands(socket, bytes);

async function shakeHands(socket: Socket, bytes: readonly Uint8Array[]): Promise<void> {
  socket.write(await handshakeOf(socket));
  for (const part of bytes) socket.write(part);
  socket.resume();
}

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

/** A frame as a server sends it: FIN and opcode, the length in 7 or 16 bits, the payload as it is. */
export function frame(opcode: keyof typeof opcodes, payload: Uint8Array, final = true): Buffer {
  const first = (final ? 0x80 : 0) | opcodes[opcode];
  const { length } = payload;
  const header = length < 126 ? [first, length] : [first, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), payload]);
}

/** Code in 16 bits, and the reason. */
export const closeFrame = (code: number, reason = ''): Buffer =>
  frame('close', Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));

/** An OutputMessage of a timestamp, field 1, with seconds, field 1, of 1. */
export const message = Buffer.from([0x0a, 0x02, 0x08, 0x01]);

/** An OutputMessage of a stream, field 3, with health, field 102, whose master, field 1, is given. */
export const healthMessage = (master: number): Buffer =>
  Buffer.from([0x1a, 0x05, 0xb2, 0x06, 0x02, 0x08, master]);

/** Payload of a client's frame of less than 126 bytes, unmasked; undefined when it has another opcode. */
export function payloadOf(bytes: Buffer, opcode: keyof typeof opcodes): Buffer | undefined {
  if ((bytes[0]! & 0x0f) !== opcodes[opcode]) return undefined;
  const mask = bytes.subarray(2, 6);
  const length = bytes[1]! & 0x7f;
  return Buffer.from(bytes.subarray(6, 6 + length).map((byte, at) => byte ^ mask[at % 4]!));
}
