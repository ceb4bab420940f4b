import { readFileSync } from 'node:fs';

/** The kernel's numbers (include/net/tcp_states.h). */
const names = [
  '',
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
] as const;

/** The server's own sockets on a port by TCP state, as the kernel counts them; undefined where it does not tell. */
export function tcpStates(port: number): Record<string, number> | undefined {
  const counts: Record<string, number> = {};
  try {
    for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) countIn(file, port, counts);
  } catch {
    return undefined;
  }
  return counts;
}

function countIn(file: string, port: number, counts: Record<string, number>): void {
  for (const line of readFileSync(file, 'utf8').split('\n').slice(1)) {
    const [, local = '', , state = ''] = line.trim().split(/\s+/);
    if (Number.parseInt(local.split(':')[1] ?? '', 16) !== port) continue;
    const name = names[Number.parseInt(state, 16)] ?? state;
    if (name !== 'LISTEN') counts[name] = (counts[name] ?? 0) + 1;
  }
}
