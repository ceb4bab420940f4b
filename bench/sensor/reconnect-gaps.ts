import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, rounded, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { startServer, type SimulatedServer } from './simulated-server.ts';

const LADDER_SECONDS = [1, 2, 4, 8, 16, 32, 60];
const PATIENCE_MS = 420_000;
const MOST_OFF_PERCENT = 20;

interface Hostility {
  name: string;
  fault: string;
  /** The server sees no dial that it refuses: there the client's own words must do. */
  isSeen: boolean;
}

const hostilities: readonly Hostility[] = [
  { name: 'accepts and at once closes', fault: 'close 1011 keep', isSeen: true },
  { name: 'accepts and never answers the handshake', fault: 'mute', isSeen: true },
  { name: 'trickles the handshake', fault: 'trickle 300', isSeen: true },
  { name: 'resets each connection', fault: 'reset keep at=accept', isSeen: true },
  { name: 'refuses', fault: 'refuse', isSeen: false },
];

/** The gaps between connections as five hostile servers see them, up the whole ladder; all at once. */
export const reconnectGaps: BenchPart = {
  name: 'gaps',
  isAlone: false,
  measure: (around) => Promise.all(hostilities.map((one) => measure(one, around))),
};

async function measure(hostility: Hostility, { folder, say }: Surroundings): Promise<Figure> {
  const { name, fault, isSeen } = hostility;
  const cwd = { cwd: folder };
  await using server = await startServer(['--fault', fault], cwd);
  await using held = new HeldStream(server.urls.output, [], cwd);
  const attempts = LADDER_SECONDS.length + 1;
  await held.event('connecting', { count: attempts, timeoutMs: PATIENCE_MS });
  say(`a server that ${name}: ${attempts} attempts`);
  const gaps = isSeen ? await gapsAtServer(server, attempts) : gapsOfClient(held);
  const off = gaps.map((gap, step) => (gap / LADDER_SECONDS[step]! - 1) * 100);
  const worst = off.reduce((most, one) => (Math.abs(one) > Math.abs(most) ? one : most), 0);
  return judged({
    part: 'gaps',
    what: `reconnect gaps off the ladder, server ${name}`,
    value: rounded(Math.abs(worst)),
    unit: '%',
    target: { atMost: MOST_OFF_PERCENT },
    values: gaps.map(rounded),
    remark: `${gaps.map((gap) => gap.toFixed(1)).join(', ')} s${isSeen ? '' : ", by the client's own words"}`,
  });
}

/** From the end of each connection to the next dial. */
async function gapsAtServer(server: SimulatedServer, attempts: number): Promise<number[]> {
  const { output } = await untilSeen(server, attempts);
  return output.connections
    .slice(1, attempts)
    .map(({ dialedAtMs }, index) => (dialedAtMs - output.connections[index]!.endedAtMs!) / 1_000);
}

async function untilSeen(server: SimulatedServer, attempts: number) {
  for (;;) {
    const counts = await server.counts();
    if (counts.output.connections.length >= attempts) return counts;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function gapsOfClient(held: HeldStream): number[] {
  const dials = held.of('connecting').map(({ at }) => Date.parse(at));
  return LADDER_SECONDS.map((_, step) => (dials[step + 1]! - dials[step]!) / 1_000);
}
