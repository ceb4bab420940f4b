// On networks of its own, whose router drops packets: root on Linux only. Takes about 25 s: unanswered dials take their time.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  openRoutedNetwork,
  whyNoNetworks,
  type RoutedNetwork,
} from '../../../bench/sensor/routed-network.ts';
import { socketsAt, watchSockets } from '../../../bench/sensor/server-sockets.ts';
import { startServer, type SimulatedServer } from '../../../bench/sensor/simulated-server.ts';
import { readRecordingInfo } from '../../../activities/sensor/recording/recording-info.ts';
import { packageRoot } from '../../../workers/configuration/package-root.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import type { Held, HeldOptions } from './held-process.ts';
import { startJsonProcess, type JsonProcess } from './json-process.ts';
import { filesIn, messagesIn } from './recording/recording-lab.ts';

const missing = await whyNoNetworks();
if (missing)
  console.warn(`skipped: tests with networks of their own need root on Linux (${missing})`);

const PORT = 5050;
const ESTABLISHED = '01';
const profile = { pingEveryMs: 2_000, pongWithinMs: 1_000 };
const boundSeconds = (profile.pingEveryMs + profile.pongWithinMs) / 1_000;
const HELD = join(packageRoot, 'dist', 'test', 'activities', 'sensor', 'held-process.js');

type HeldStream = JsonProcess<Held>;

const serverOn = ({ serverAddress, onServer }: RoutedNetwork, folder: string) =>
  startServer(['--host', serverAddress, '--ports', `${PORT},5051,9080`], {
    cwd: folder,
    within: onServer,
  });

/** Has had a pong and messages. */
async function holdFrom(
  { onClient }: RoutedNetwork,
  { urls }: SimulatedServer,
  folder: string,
): Promise<HeldStream> {
  const recording = { folder, rotateEveryMs: 3_600_000, rotateBytes: 1e9 };
  const options: HeldOptions = { url: urls.output, profile, recording };
  const held = startJsonProcess<Held>([
    ...onClient,
    process.execPath,
    HELD,
    JSON.stringify(options),
  ]);
  await held.waitFor('status', {
    fits: ({ status }) => status.messages > 0 && status.pingMs !== undefined,
  });
  return held;
}

const dialing = (held: HeldStream, attempt: number) =>
  held.waitFor('connecting', { fits: (event) => event.attempt === attempt });

const hasLogged = ({ told }: HeldStream, message: string): boolean =>
  told.some((one) => one.event === 'log' && one.message === message);

async function expectNoticedInTime(held: HeldStream): Promise<void> {
  const { silentSeconds } = await held.waitFor('dead-peer');
  expect(silentSeconds).toBeGreaterThan(profile.pongWithinMs / 1_000 / 2);
  expect(silentSeconds).toBeLessThan(boundSeconds * 1.3);
}

/** The gap that was told is in the recording: between two messages, one after the other. */
async function expectGapRecorded(held: HeldStream, folder: string): Promise<void> {
  const { from, to } = await held.waitFor('gap');
  await held.end();
  const [file, ...others] = await filesIn(folder);
  expect(others).toEqual([]);
  const { state, gaps, connections } = await readRecordingInfo(file!);
  expect(state).toBe('complete');
  expect(gaps).toMatchObject([{ from, to }]);
  expect(connections.map(({ reason }) => reason)).toContain('dead-peer');
  const times = (await messagesIn(file!)).map(({ logTimeNs }) =>
    new Date(Number(logTimeNs / 1_000_000n)).toISOString(),
  );
  expect(times[times.lastIndexOf(from) + 1]).toBe(to);
}

describe.skipIf(missing).concurrent('a network path that drops every packet', () => {
  it.for([
    { what: 'while the first dial waits for an answer', attempt: 1 },
    { what: 'after a dial that had no answer', attempt: 2 },
  ])('and is healed $what: the next connection replaces the dead one', async ({ attempt }) => {
    await using folder = await temporaryFolder();
    await using network = await openRoutedNetwork();
    await using server = await serverOn(network, folder.path);
    const recordings = join(folder.path, 'recordings');
    await using held = await holdFrom(network, server, recordings);
    const { localPort } = await held.waitFor('open');
    const { pid } = server.command;
    using sockets = watchSockets(pid, PORT);
    await network.setForwarding(false);
    await expectNoticedInTime(held);
    // The server's kernel knows nothing of it: it is what would become a zombie.
    const theOne = [{ remotePort: localPort, state: ESTABLISHED }];
    expect(socketsAt(pid, PORT)).toEqual(theOne);
    await dialing(held, attempt);
    await network.setForwarding(true);
    expect(await held.waitFor('open', { count: 2 })).toMatchObject({ localPort, attempt });
    await held.waitFor('gap');
    expect(sockets.peak()).toBe(1);
    expect(socketsAt(pid, PORT)).toEqual(theOne);
    expect(hasLogged(held, 'local port given up')).toBe(false);
    await expectGapRecorded(held, recordings);
  });
});

describe.skipIf(missing).concurrent('a network path that drops the packets of one port', () => {
  it('is given up for a fresh port, which the log says', async ({ skip }) => {
    await using folder = await temporaryFolder();
    await using network = await openRoutedNetwork();
    await using server = await serverOn(network, folder.path);
    const recordings = join(folder.path, 'recordings');
    await using held = await holdFrom(network, server, recordings);
    const { localPort } = await held.waitFor('open');
    const isDropped = await network.dropFrom(localPort).then(
      () => true,
      () => false,
    );
    if (!isDropped) skip('this kernel routes by no port');
    const again = await held.waitFor('open', { count: 2 });
    expect(again.localPort).not.toBe(localPort);
    expect(hasLogged(held, 'local port given up')).toBe(true);
    const isOpen = ({ remotePort }: { remotePort: number }) => remotePort === again.localPort;
    expect(socketsAt(server.command.pid, PORT).filter(isOpen)).toHaveLength(1);
    await expectGapRecorded(held, recordings);
  });
});
