import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { connect, isIP, type Socket } from 'node:net';
import type { AwakeClock } from './awake-clock.ts';
import type { SensorLog } from './sensor-log.ts';
import type { ServerAddress } from './server-address.ts';
import { within } from './within.ts';

const CONNECT_WITHIN_MS = 10_000;
/** How long a fresh port may take to show that the network lets it through, and the kept one to show it after all. */
const TRIAL_MS = 5_000;

/** Both ends of a TCP connection. */
export interface TcpPath {
  localAddress: string;
  localPort: number;
  remoteAddress: string;
}

export const pathOf = (socket: Socket): TcpPath => ({
  localAddress: socket.localAddress!,
  localPort: socket.localPort!,
  remoteAddress: socket.remoteAddress!,
});

export interface ConnectOptions {
  server: ServerAddress;
  /** Of the connection before, when it did not end with a handshake. */
  kept: TcpPath | undefined;
  clock: AwakeClock;
  signal: AbortSignal;
  log: SensorLog;
}

/**
 * Opens a TCP connection: along the path of the one before, so that a server that still holds that one replaces it
 * instead of holding two. Where the path is no longer there, or does not carry that port any more (a network that
 * rewrites ports, a firewall that remembers), from a fresh port; the log says so.
 */
export async function connectTcp(options: ConnectOptions): Promise<Socket> {
  const { kept, log } = options;
  if (!kept) return connectFresh(options, CONNECT_WITHIN_MS);
  const giveUp = (why: string): Promise<Socket> => {
    log.warn('local port given up', { localPort: kept.localPort, why });
    return connectFresh(options, CONNECT_WITHIN_MS);
  };
  if (!(await stillLeadsTo(kept.remoteAddress, options.server.host))) {
    return giveUp(`${options.server.host} has another address now`);
  }
  try {
    return await connectAlong(kept, options, CONNECT_WITHIN_MS);
  } catch (error) {
    options.signal.throwIfAborted();
    if (isOfThisHost(error)) return giveUp((error as Error).message);
    if (!isUnanswered(error) || !(await freshPortPasses(options))) throw error;
  }
  return connectAlong(kept, options, TRIAL_MS).catch(() => {
    options.signal.throwIfAborted();
    return giveUp('the network carries a fresh port, and this one no longer');
  });
}

const connectFresh = ({ server, clock, signal }: ConnectOptions, ms: number): Promise<Socket> =>
  open({ host: server.host, port: server.port }, { clock, signal, ms });

const connectAlong = (
  { localAddress, localPort, remoteAddress }: TcpPath,
  { server, clock, signal }: ConnectOptions,
  ms: number,
): Promise<Socket> =>
  open({ host: remoteAddress, port: server.port, localAddress, localPort }, { clock, signal, ms });

/** A path that is dead for all ports is no reason to give up one. */
async function freshPortPasses(options: ConnectOptions): Promise<boolean> {
  try {
    (await connectFresh(options, TRIAL_MS)).resetAndDestroy();
    return true;
  } catch {
    options.signal.throwIfAborted();
    return false;
  }
}

interface Destination {
  host: string;
  port: number;
  localAddress?: string;
  localPort?: number;
}

/** Peers may end their half: what becomes of ours is decided by whoever holds the socket, so that it can be RST. */
function open(
  destination: Destination,
  { clock, signal, ms }: { clock: AwakeClock; signal: AbortSignal; ms: number },
): Promise<Socket> {
  return within({ ms, clock, signal, late: () => unanswered(ms) }, async (inTime) => {
    const socket = connect({ ...destination, allowHalfOpen: true, noDelay: true });
    try {
      await once(socket, 'connect', { signal: inTime });
      return socket;
    } catch (error) {
      socket.on('error', () => {}).destroy();
      throw error;
    }
  });
}

async function stillLeadsTo(address: string, host: string): Promise<boolean> {
  if (isIP(host)) return true;
  const found = await lookup(host, { all: true }).catch(() => undefined);
  return found?.some((entry) => entry.address === address) ?? true;
}

const unanswered = (ms: number): Error =>
  Object.assign(new Error(`no answer within ${ms / 1_000} s`), { code: 'ETIMEDOUT' });

const isUnanswered = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';

/** The port, or the address, is not to be had on this host: taken by another process, or gone with its interface. */
const isOfThisHost = (error: unknown): boolean =>
  ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'EINVAL'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
