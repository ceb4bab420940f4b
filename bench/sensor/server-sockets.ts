import { readFileSync } from 'node:fs';

const LISTEN = '0A';
const TIME_WAIT = '06';
const SAMPLE_EVERY_MS = 20;

/** The client's end, and the kernel's number of the state. */
export interface ServerSocket {
  remotePort: number;
  state: string;
}

/**
 * Sockets that a server's host holds for a port, in the network namespace of a process: all but the listening one, and
 * those whose end is only being remembered.
 */
export function socketsAt(pid: number, port: number): ServerSocket[] {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(hex) && state !== LISTEN && state !== TIME_WAIT)
    .map(([, , remote, state]) => ({
      remotePort: Number.parseInt(remote!.split(':')[1]!, 16),
      state: state!,
    }));
}

/** Counts the sockets of a port fifty times a second, until it is disposed of. */
export function watchSockets(pid: number, port: number): Disposable & { peak(): number } {
  let peak = 0;
  const timer = setInterval(() => {
    peak = Math.max(peak, socketsAt(pid, port).length);
  }, SAMPLE_EVERY_MS);
  return { peak: () => peak, [Symbol.dispose]: () => clearInterval(timer) };
}
