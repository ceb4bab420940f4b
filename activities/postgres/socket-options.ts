import { Socket } from 'node:net';
import type * as NetKeepalive from 'net-keepalive';
import { userTimeoutMs, type ConnectionTiming } from '../../domain/connection-timing.ts';

/** What the kernel does at our end; undefined where this platform does not tell. */
export interface SocketOptions {
  keepaliveIntervalMs: number | undefined;
  keepaliveCount: number | undefined;
  userTimeoutMs: number | undefined;
}

type Native = Omit<typeof NetKeepalive, 'default'>;

const native = await loadNative();

/**
 * A socket that notices a dead path: by keepalive while it waits, by the user timeout once it has written. The options
 * are set when it is connected: before that, the delay would be lost.
 */
export function openSocket(timing: ConnectionTiming, onRefused: (error: unknown) => void): Socket {
  const socket = new Socket();
  socket.once('connect', () => {
    if (!isTcp(socket)) return;
    try {
      setOptions(socket, timing);
    } catch (error) {
      onRefused(error);
    }
  });
  return socket;
}

export const isTcp = (socket: Socket): boolean => socket.remotePort !== undefined;

function setOptions(socket: Socket, timing: ConnectionTiming): void {
  const { keepaliveIdleMs, keepaliveIntervalMs, keepaliveCount } = timing;
  const setKeepAlive = socket.setKeepAlive.bind(socket) as (...options: unknown[]) => void;
  // Since Node 24.19 and 26.4; before, interval and count are libuv's own: 1 s, 10 times.
  if (socket.setKeepAlive.length === 4) {
    setKeepAlive(true, keepaliveIdleMs, keepaliveIntervalMs, keepaliveCount);
  } else {
    setKeepAlive(true, keepaliveIdleMs);
    native?.setKeepAliveInterval(socket, keepaliveIntervalMs);
    native?.setKeepAliveProbes(socket, keepaliveCount);
  }
  if (!native) throw new Error('net-keepalive has no native part for this platform');
  native.setUserTimeout(socket, userTimeoutMs(timing));
}

/** Asks the kernel what it really does. */
export function readSocketOptions(socket: Socket): SocketOptions {
  return {
    keepaliveIntervalMs: attempt(() => native?.getKeepAliveInterval(socket)),
    keepaliveCount: attempt(() => native?.getKeepAliveProbes(socket)),
    userTimeoutMs: attempt(() => native?.getUserTimeout(socket)),
  };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The package's native part exists for Linux and macOS, and not for every processor. */
async function loadNative(): Promise<Native | undefined> {
  if (process.platform !== 'linux' && process.platform !== 'darwin') return undefined;
  try {
    const module = await import('net-keepalive');
    return module.default ?? module;
  } catch {
    return undefined;
  }
}
