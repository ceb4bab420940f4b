import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchPart, Surroundings } from './bench-part.ts';
import { judged, rounded, skipped, type Figure } from './figure.ts';
import { HeldStream } from './held-stream.ts';
import { openRoutedNetwork, type RoutedNetwork } from './routed-network.ts';
import { watchSockets } from './server-sockets.ts';
import { startServer } from './simulated-server.ts';

const AWAY_MS = 60_000;
/** Until the next step of the ladder, its connect deadline, and then for a while. */
const BACK_WITHIN_MS = 100_000;
const AFTERWARDS_MS = 20_000;
const PORT = 5050;

/** Sockets that a server holds for one stream while the way to it is dead, and after it. */
export const blackHole: BenchPart = {
  name: 'black-hole',
  isAlone: false,
  afterMs: 12_000,
  measure: async (around) =>
    (await Promise.all([measureDeadPath(around), measureStoppedServer(around)])).flat(),
};

async function measureDeadPath(around: Surroundings): Promise<Figure[]> {
  const what = 'server sockets at the peak of a black hole';
  let network: RoutedNetwork;
  try {
    network = await openRoutedNetwork();
  } catch (error) {
    const [why] = (error as Error).message.trim().split('\n').slice(-1);
    return [skipped('black-hole', what, `no network namespaces here: ${why}`)];
  }
  await using _ = network;
  return await measureOn(network, what, around);
}

async function measureOn(
  network: RoutedNetwork,
  what: string,
  { folder, say }: Surroundings,
): Promise<Figure[]> {
  const host = network.serverAddress;
  const words = ['--host', host, '--ports', `${PORT},5051,9080`];
  await using server = await startServer(words, { cwd: folder, within: network.onServer });
  await using held = new HeldStream(server.urls.output, ['--profile', 'client'], {
    cwd: folder,
    within: network.onClient,
  });
  await held.event('open');
  using sockets = watchSockets(server.command.pid, PORT);
  say(`the network drops every packet for ${AWAY_MS / 1_000} s`);
  await network.setForwarding(false);
  const lostAtMs = Date.now();
  await sleep(AWAY_MS);
  await network.setForwarding(true);
  const backAtMs = Date.now();
  const [dead] = held.of('dead-peer');
  const { at } = await held.event('open', { count: 2, timeoutMs: BACK_WITHIN_MS });
  await sleep(AFTERWARDS_MS);
  const noticed = dead && (Date.parse(dead.at) - lostAtMs) / 1_000;
  return [
    judged({ part: 'black-hole', what, value: sockets.peak(), unit: '', target: { atMost: 1 } }),
    judged({
      part: 'black-hole',
      what: 'dead path noticed within, profile client',
      value: noticed === undefined ? undefined : rounded(noticed),
      unit: 's',
      target: { atMost: 23 },
    }),
    judged({
      part: 'black-hole',
      what: 'streaming again after the network was back',
      value: rounded((Date.parse(at) - backAtMs) / 1_000),
      unit: 's',
      remark: 'the step of the ladder that was being waited for',
    }),
  ];
}

/** The server's process is stopped: its kernel goes on taking connections. */
async function measureStoppedServer({ folder, say }: Surroundings): Promise<Figure[]> {
  await using server = await startServer([], { cwd: folder });
  const { output } = server.urls;
  await using held = new HeldStream(output, ['--profile', 'client'], { cwd: folder });
  await held.event('open');
  using sockets = watchSockets(server.command.pid, Number(new URL(output).port));
  say(`the server is stopped by SIGSTOP for ${AWAY_MS / 1_000} s`);
  server.command.signal('SIGSTOP');
  await sleep(AWAY_MS);
  server.command.signal('SIGCONT');
  await held.event('open', { count: 2, timeoutMs: BACK_WITHIN_MS });
  await sleep(AFTERWARDS_MS);
  return [
    judged({
      part: 'black-hole',
      what: 'server sockets at the peak of a server stopped by SIGSTOP',
      value: sockets.peak(),
      unit: '',
      target: { atMost: 1 },
    }),
  ];
}
