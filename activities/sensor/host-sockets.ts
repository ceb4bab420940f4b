import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** In the order of the kernel's numbers, from 1 on. */
export const tcpStates = [
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
  'NEW_SYN_RECV',
] as const;

export type TcpState = (typeof tcpStates)[number];

export interface TcpEnd {
  /** In the kernel's hex, as `/proc/net/tcp` shows it. */
  address: string;
  port: number;
}

export interface HostSocket {
  local: TcpEnd;
  remote: TcpEnd;
  state: TcpState;
}

/** All TCP sockets of this host's network namespace; undefined where there is no `/proc/net/tcp`. */
export async function listHostSockets(): Promise<HostSocket[] | undefined> {
  const texts = await Promise.all(
    ['/proc/net/tcp', '/proc/net/tcp6'].map((file) =>
      readFile(file, 'latin1').catch(() => undefined),
    ),
  );
  if (texts[0] === undefined) return undefined;
  return texts.flatMap((text) => (text ?? '').split('\n').slice(1).flatMap(socketOf));
}

/**
 * Counts the sockets of this host towards a server, by TCP state, whichever process has them.
 *
 * @returns undefined where there is no `/proc/net/tcp`, or the server's name has no address
 */
export async function countHostSockets(
  host: string,
  port: number,
): Promise<Record<TcpState, number> | undefined> {
  const [sockets, addresses] = await Promise.all([listHostSockets(), addressesOf(host)]);
  if (!sockets || addresses.length === 0) return undefined;
  const towards = sockets.filter(
    ({ remote }) => remote.port === port && addresses.includes(remote.address),
  );
  return countByState(towards);
}

export function countByState(sockets: readonly HostSocket[]): Record<TcpState, number> {
  const counts = Object.fromEntries(tcpStates.map((state) => [state, 0])) as Record<
    TcpState,
    number
  >;
  for (const { state } of sockets) counts[state]++;
  return counts;
}

const LINE = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]{2}) /;

function socketOf(line: string): HostSocket[] {
  const [, local, localPort, remote, remotePort, number] = LINE.exec(line) ?? [];
  const state = tcpStates[Number.parseInt(number ?? '', 16) - 1];
  if (!state) return [];
  const end = (address = '', port = '') => ({ address, port: Number.parseInt(port, 16) });
  return [{ local: end(local, localPort), remote: end(remote, remotePort), state }];
}

async function addressesOf(host: string): Promise<string[]> {
  const name = host.replace(/^\[|\]$/g, '');
  const found = isIP(name)
    ? [{ address: name, family: isIP(name) }]
    : await lookup(name, { all: true }).catch(() => []);
  return found.flatMap(({ address, family }) => kernelForms(address, family));
}

/** An IPv4 address also as the IPv6 address under which a dual-stack socket has it. */
function kernelForms(address: string, family: number): string[] {
  if (family === 6) return [words(bytesOfIpv6(address))];
  const bytes = address.split('.').map(Number);
  return [words(bytes), words([...Array<number>(10).fill(0), 255, 255, ...bytes])];
}

/** The kernel prints 32-bit words in the order of the host's bytes: little-endian wherever Node 20 runs Linux. */
function words(bytes: readonly number[]): string {
  const hex = bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  return Array.from({ length: hex.length / 4 }, (_, word) =>
    hex
      .slice(word * 4, word * 4 + 4)
      .toReversed()
      .join(''),
  ).join('');
}

/** Shortened as it may be: `fe80::1%eth0`, `::ffff:127.0.0.1`. */
function bytesOfIpv6(address: string): number[] {
  const host = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = host.split('::');
  const groups = (text = '') => (text === '' ? [] : text.split(':'));
  const [first, last] = [groups(head), groups(tail)];
  const zeros = Array<string>(tail === undefined ? 0 : 8 - first.length - last.length).fill('0');
  return [...first, ...zeros, ...last].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
