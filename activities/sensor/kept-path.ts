import { isIP, type Socket } from 'node:net';
import type { AwakeClock } from './awake-clock.ts';
import { addressesOf, openTcp, openTcpByName } from './open-tcp.ts';
import type { SensorLog } from './sensor-log.ts';
import type { ServerAddress } from './server-address.ts';

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
  const { kept, server, signal, log } = options;
  if (!kept) return connectFresh(options);
  const giveUp = async (why: string, deadAddress?: string): Promise<Socket> => {
    const socket = await connectFresh(options, deadAddress);
    log.warn('local port given up', { localPort: kept.localPort, why });
    return socket;
  };
  if (!(await stillLeadsTo(kept.remoteAddress, options))) {
    return giveUp(`${server.host} has another address now`);
  }
  try {
    return await connectAlong(kept, options, CONNECT_WITHIN_MS);
  } catch (error) {
    signal.throwIfAborted();
    const why = (error as Error).message;
    if (isOfThisHost(error)) return giveUp(why);
    if (!isUnanswered(error) || !(await freshPortPasses(kept, options))) {
      return giveUp(`${kept.remoteAddress}: ${why}`, kept.remoteAddress).catch(() => {
        throw error;
      });
    }
  }
  return connectAlong(kept, options, TRIAL_MS).catch(() =>
    giveUp('the network carries a fresh port, and this one no longer'),
  );
}

const connectFresh = (
  { server: { host, port }, clock, signal }: ConnectOptions,
  deadAddress?: string,
): Promise<Socket> =>
  openTcpByName({ host, port, except: deadAddress }, { clock, signal, ms: CONNECT_WITHIN_MS });

const connectAlong = (
  { localAddress, localPort, remoteAddress }: TcpPath,
  { server: { port }, clock, signal }: ConnectOptions,
  ms: number,
): Promise<Socket> =>
  openTcp({ host: remoteAddress, port, localAddress, localPort }, { clock, signal, ms });

/** A path that is dead for all ports is no reason to give up one. */
async function freshPortPasses(
  { remoteAddress }: TcpPath,
  { server: { port }, clock, signal }: ConnectOptions,
): Promise<boolean> {
  try {
    const socket = await openTcp({ host: remoteAddress, port }, { clock, signal, ms: TRIAL_MS });
    socket.resetAndDestroy();
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}

/** Also while no name server answers. */
async function stillLeadsTo(address: string, options: ConnectOptions): Promise<boolean> {
  const { host } = options.server;
  if (isIP(host)) return true;
  const found = await addressesOf(host, options).catch(() => [address]);
  return found.includes(address);
}

const isUnanswered = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === 'ETIMEDOUT';

/** The port, or the address, is not to be had on this host: taken by another process, or gone with its interface. */
const isOfThisHost = (error: unknown): boolean =>
  ['EADDRINUSE', 'EADDRNOTAVAIL', 'EACCES', 'EINVAL'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
