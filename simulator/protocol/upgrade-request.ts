import { createHash } from 'node:crypto';

const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const MOST_HEADER_BYTES = 16_384;

export interface UpgradeRequest {
  path: string;
  key: string;
  /** What came behind the request's empty line. */
  rest: Buffer;
}

/**
 * Reads an opening handshake (RFC 6455, section 4).
 *
 * @returns undefined while it is not whole
 * @throws {RangeError} when it is none
 */
export function readUpgradeRequest(received: Buffer): UpgradeRequest | undefined {
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) {
    if (received.length > MOST_HEADER_BYTES) throw new RangeError('a request without end');
    return undefined;
  }
  const head = received.toString('latin1', 0, end);
  const path = /^GET (\S+) HTTP\/1\.1\r\n/.exec(head)?.[1];
  const key = /\r\nsec-websocket-key: *(\S+)/i.exec(head)?.[1];
  const isUpgrade = /\r\nupgrade: *websocket/i.test(head);
  if (path === undefined || key === undefined || !isUpgrade)
    throw new RangeError('a request that is no WebSocket handshake');
  return { path, key, rest: received.subarray(end + 4) };
}

/** The answer to a handshake without its last empty line, to which headers may be added. */
export function upgradeAnswer(key: string): string {
  const accept = createHash('sha1').update(`${key}${MAGIC}`).digest('base64');
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept}`,
  ];
  return `${lines.join('\r\n')}\r\n`;
}

/** What a server says that is no WebSocket server. */
export const plainAnswer = (status: string, text: string): string =>
  `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`;
