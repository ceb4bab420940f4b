import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { connect, isIPv6, type Socket } from 'node:net';
import type { AwakeClock } from './awake-clock.ts';
import { within } from './within.ts';

const LOOKUP_WITHIN_MS = 5_000;
/** For an address that is not its name's last; enough for a SYN that is lost once. */
const ADDRESS_WITHIN_MS = 2_000;

export interface Destination {
  /** An address. */
  host: string;
  port: number;
  /** Unless given, an ephemeral port of any address of this host. */
  localAddress?: string;
  localPort?: number;
}

export interface Patience {
  clock: AwakeClock;
  signal: AbortSignal;
}

/**
 * Opens a TCP connection, or leaves no socket. Peers may end their half: what becomes of ours is decided by whoever
 * holds the socket, so that it can be RST.
 */
export function openTcp(
  destination: Destination,
  { ms, ...patience }: Patience & { ms: number },
): Promise<Socket> {
  // With a local address Node binds before it connects. A port that Linux chooses while connecting may be one that
  // this host's connections to elsewhere have too, and for as long as they live it cannot be had again.
  const localAddress = isIPv6(destination.host) ? '::' : '0.0.0.0';
  const settings = { localAddress, allowHalfOpen: true, noDelay: true };
  return within({ ...patience, ms, late: () => unanswered(ms) }, async (inTime) => {
    const socket = connect({ ...settings, ...destination });
    try {
      await once(socket, 'connect', { signal: inTime });
      return socket;
    } catch (error) {
      socket.on('error', () => {}).destroy();
      throw error;
    }
  });
}

/**
 * Tries the addresses of a name in turn; the last has all the time that is left.
 *
 * @param options.except an address that is not tried
 * @throws why the first was not to be had
 */
export function openTcpByName(
  { host, port, except }: { host: string; port: number; except?: string | undefined },
  { clock, ms, ...patience }: Patience & { ms: number },
): Promise<Socket> {
  return within({ ...patience, clock, ms, late: () => unanswered(ms) }, async (signal) => {
    const found = await addressesOf(host, { clock, signal });
    const addresses = found.filter((address) => address !== except);
    let failure: unknown;
    for (const address of addresses) {
      const bound = { clock, signal, ms: address === addresses.at(-1) ? ms : ADDRESS_WITHIN_MS };
      try {
        return await openTcp({ host: address, port }, bound);
      } catch (error) {
        signal.throwIfAborted();
        failure ??= error;
      }
    }
    throw failure ?? new Error(`${host} has no other address`);
  });
}

/**
 * In the order of the resolver, each once.
 *
 * @throws the resolver's error, or `EAI_AGAIN` when it takes too long
 */
export function addressesOf(host: string, patience: Patience): Promise<string[]> {
  const late = () => Object.assign(new Error('no name server answers'), { code: 'EAI_AGAIN' });
  return within({ ...patience, ms: LOOKUP_WITHIN_MS, late }, async (inTime) => {
    const aborted = once(inTime, 'abort').then(() => inTime.throwIfAborted()) as Promise<never>;
    const found = await Promise.race([lookup(host, { all: true }), aborted]);
    return [...new Set(found.map(({ address }) => address))];
  });
}

const unanswered = (ms: number): Error =>
  Object.assign(new Error(`no answer within ${ms / 1_000} s`), { code: 'ETIMEDOUT' });
