import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeatProfiles } from '../../domain/sensor.ts';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { connectionFrom, startServer, type SimulatedServer } from './simulated-server.ts';
import { StoppedTogether } from './stopped-together.ts';

const STALLED = 10;
const STALLS_EACH = 2;
/** The pong comes while the client stalls, and the stall lasts beyond the pong's deadline: 7 s, 8 s, 8.5 s. */
const PONG_LATE_MS = 7_000;
const STALL_AFTER_PING_MS = 6_500;
const STOPPED = 5;
const STOP_MS = 40_000;
const profile = 'client';
const { pingEveryMs, pongWithinMs } = heartbeatProfiles[profile];
const STALL_SCRIPT = new URL('./stall-on-signal.js', import.meta.url).href;

/** Deaths that are none: the peer lives, and it is the client that stalls, or is stopped. */
export const stalls: BenchPart = {
  name: 'stalls',
  isAlone: false,
  afterMs: 100_000,
  measure: async (around) => Promise.all([measureStalls(around), measureStops(around)]),
};

async function measureStalls({ folder, say }: Surroundings): Promise<Figure> {
  const cwd = { cwd: folder };
  const late = `late delayMs=${PONG_LATE_MS}`;
  await using server = await startServer(['--fault', late], cwd);
  await using all = new StoppedTogether();
  const nodeOptions = ['--import', STALL_SCRIPT];
  const held = Array.from({ length: STALLED }, () =>
    all.use(new HeldStream(server.urls.output, ['--profile', profile], { ...cwd, nodeOptions })),
  );
  await Promise.all(held.map((one) => one.event('open')));
  say(`${STALLED * STALLS_EACH} stalls of 2 s, each across a late pong`);
  await Promise.all(held.map((one) => stallOnPings(one, server)));
  return judged({
    part: 'stalls',
    what: `false deaths in ${STALLED * STALLS_EACH} stalls of 2 s`,
    value: falseDeaths(held),
    unit: '',
    target: { atMost: 0 },
    remark: `each pong came ${PONG_LATE_MS / 1_000} s late, within the stall that lasted beyond its deadline`,
  });
}

/** Stalls once after each ping, and waits for the ping after it: the connection lives. */
async function stallOnPings(held: HeldStream, server: SimulatedServer): Promise<void> {
  const { localPort } = held.of('open')[0]!;
  for (let stall = 1; stall <= STALLS_EACH; stall++) {
    const pingAtMs = await pingAt(server, localPort, stall);
    if (pingAtMs === undefined) return;
    await sleep(pingAtMs + STALL_AFTER_PING_MS - (performance.timeOrigin + performance.now()));
    held.signal('SIGUSR2');
  }
  await pingAt(server, localPort, STALLS_EACH + 1);
}

/** @returns when the server saw the client's n-th ping; undefined when the connection ended before */
async function pingAt(
  server: SimulatedServer,
  localPort: number,
  number: number,
): Promise<number | undefined> {
  for (;;) {
    const record = connectionFrom(await server.counts(), localPort);
    const atMs = record?.pingsAtMs[number - 1];
    if (atMs !== undefined || record?.endedAtMs !== undefined) return atMs;
    await sleep(200);
  }
}

async function measureStops({ folder, say }: Surroundings): Promise<Figure> {
  const cwd = { cwd: folder };
  await using server = await startServer([], cwd);
  await using all = new StoppedTogether();
  const held: HeldStream[] = [];
  for (let index = 0; index < STOPPED; index++) {
    held.push(all.use(new HeldStream(server.urls.output, ['--profile', profile], cwd)));
    await sleep(pingEveryMs / STOPPED);
  }
  await Promise.all(held.map((one) => one.event('open')));
  say(`${STOPPED} times SIGSTOP for ${STOP_MS / 1_000} s`);
  for (const one of held) one.signal('SIGSTOP');
  await sleep(STOP_MS);
  for (const one of held) one.signal('SIGCONT');
  await sleep(pingEveryMs + pongWithinMs + 2_000);
  return judged({
    part: 'stalls',
    what: `false deaths after SIGSTOP of ${STOP_MS / 1_000} s and SIGCONT`,
    value: falseDeaths(held),
    unit: '',
    target: { atMost: 0 },
    remark: `${STOPPED} clients, stopped in ${STOPPED} phases of the heartbeat`,
  });
}

/** The server was well all the time: every end of a connection counts. */
const falseDeaths = (held: readonly HeldStream[]): number =>
  held.reduce((sum, one) => sum + one.of('dead-peer').length + one.of('closed').length, 0);
