// Against a server by other people, Python's websockets. Takes about 20 s: a stopped server lets handshakes run out of time.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { socketsAt, watchSockets } from '../../../bench/sensor/server-sockets.ts';
import { temporaryFolder } from '../../temporary-folder.ts';
import { holdLab, quickProfile } from './hold-lab.ts';
import { startJsonProcess, type JsonProcess } from './json-process.ts';
import { findPythonWebsockets } from './python-websockets.ts';
import { filesIn, messagesIn, numbered } from './recording/recording-lab.ts';

const websockets = await findPythonWebsockets().catch((error: Error) => error);
const missing = websockets instanceof Error ? websockets.message : undefined;
if (missing) console.warn(`skipped: tests against Python's websockets server (${missing})`);

interface Served {
  messages: readonly Buffer[];
  everyMs: number;
  fragmentBytes?: number;
  /** Sends the last message again and again. */
  goesOn?: boolean;
  /** Of its own pings; 20 s unless given. */
  pingEveryMs?: number;
}

type Told =
  | { event: 'listening'; port: number; pid: number }
  | { event: 'open'; port: number; extensions: string[] }
  | { event: 'ping' | 'pong'; port: number }
  | { event: 'sent'; messages: number }
  | { event: 'closed'; port: number; code: number };

type PythonServer = JsonProcess<Told> & {
  url: string;
  port: number;
  ask: (order: object) => void;
};

const SERVER = fileURLToPath(new URL('./websockets_server.py', import.meta.url));

async function startPythonServer(served: Served): Promise<PythonServer> {
  if (websockets instanceof Error) throw websockets;
  const { python, folder } = websockets;
  const server = startJsonProcess<Told>([python, SERVER], { PYTHONPATH: folder });
  const messages = asText(served.messages);
  const ask = (order: object) => server.say(JSON.stringify(order));
  ask({ ...served, messages });
  const { port } = await server.waitFor('listening');
  return { ...server, port, url: `ws://127.0.0.1:${port}`, ask };
}

/** So many messages, each of which differs from every other. */
const messagesOf = (count: number, padding = 0): Buffer[] =>
  Array.from({ length: count }, (_, id) => Buffer.from(numbered(id, padding).bytes));

const countOf = ({ told }: PythonServer, name: Told['event']): number =>
  told.filter(({ event }) => event === name).length;

const record = (folder: string) => ({ folder, rotateEveryMs: 3_600_000, rotateBytes: 1e9 });

async function recordedIn(folder: string): Promise<Uint8Array[]> {
  const recorded = await Promise.all((await filesIn(folder)).map(messagesIn));
  return recorded.flat().map(({ bytes }) => bytes);
}

/** Text is compared at once, bytes one by one. */
const asText = (messages: readonly Uint8Array[]): string[] =>
  messages.map((bytes) => Buffer.from(bytes).toString('base64'));

describe.skipIf(missing).concurrent("Python's websockets server", () => {
  it.for([
    { what: 'as they are', padding: 0 },
    { what: 'in 1,000 fragments each', padding: 100_000, fragmentBytes: 101 },
  ])('sends messages $what, and all are recorded as they came', async ({ padding, ...sent }) => {
    await using folder = await temporaryFolder();
    const messages = messagesOf(10, padding);
    await using server = await startPythonServer({ messages, everyMs: 5, ...sent });
    await using lab = await holdLab({ url: server.url, recording: record(folder.path) });
    const held = lab.connect();
    await server.waitFor('sent');
    await vi.waitFor(() => expect(lab.holder.status.messages).toBe(10), { timeout: 20_000 });
    lab.stop();
    await held;
    await lab.holder.finish();
    expect(asText(await recordedIn(folder.path))).toEqual(asText(messages));
  });

  it('has its pings answered, and answers ours, until we close it with 1000', async () => {
    await using server = await startPythonServer({
      messages: messagesOf(1),
      everyMs: 100,
      goesOn: true,
      pingEveryMs: 200,
    });
    await using lab = await holdLab({ url: server.url });
    const held = lab.connect();
    await server.waitFor('ping', { count: 4 });
    await server.waitFor('pong', { count: 4 });
    expect(lab.holder.status.pingMs).toBeGreaterThan(0);
    lab.stop();
    expect(await held).toMatchObject({ reason: 'stopped', code: 1000, healthy: true });
    expect(await server.waitFor('closed')).toMatchObject({ code: 1000 });
    expect(countOf(server, 'open')).toBe(1);
  });

  it('compresses for whoever offers that, and not for us', async () => {
    const messages = messagesOf(1, 10_000);
    await using server = await startPythonServer({ messages, everyMs: 5 });
    const other = new WebSocket(server.url, { perMessageDeflate: true });
    const offered = await server.waitFor('open');
    other.on('error', () => {}).terminate();
    await using lab = await holdLab({ url: server.url });
    void lab.connect();
    const ours = await server.waitFor('open', { count: 2 });
    expect(offered.extensions).toEqual(['permessage-deflate']);
    expect(ours.extensions).toEqual([]);
    const bytes = messages[0]!.length;
    await vi.waitFor(() => expect(lab.holder.status).toMatchObject({ messages: 1, bytes }), 10_000);
  });

  it.for([
    { order: { do: 'close', code: 1000, reason: 'done' }, reason: 'closed', code: 1000 },
    { order: { do: 'close', code: 1011, reason: 'too slow' }, reason: 'thrown-out', code: 1011 },
    { order: { do: 'shut-down' }, reason: 'closed', code: 1001 },
    { order: { do: 'abort' }, reason: 'lost', code: 1006 },
  ])('ends a connection with $code, which is "$reason"', async ({ order, reason, code }) => {
    await using server = await startPythonServer({
      messages: messagesOf(1),
      everyMs: 50,
      goesOn: true,
    });
    await using lab = await holdLab({ url: server.url });
    const held = lab.connect();
    await Promise.all([lab.waitFor('open'), server.waitFor('open')]);
    server.ask(order);
    const ended = await held;
    expect(ended).toMatchObject({ reason, code });
    if (order.reason !== undefined) expect(ended.detail).toContain(`"${order.reason}"`);
  });

  it('stopped by SIGSTOP is a dead peer, and holds one connection when it goes on', async ({
    skip,
  }) => {
    if (!existsSync('/proc/net/tcp')) skip('the sockets of a process are not to be seen here');
    await using server = await startPythonServer({
      messages: messagesOf(1),
      everyMs: 50,
      goesOn: true,
    });
    await using lab = await holdLab({ url: server.url });
    lab.run();
    const { localPort } = await lab.waitFor('open');
    await vi.waitFor(() => expect(lab.holder.status.pingMs).toBeGreaterThan(0), 10_000);
    using sockets = watchSockets(server.pid, server.port);
    server.signal('SIGSTOP');
    const { silentSeconds } = await lab.waitFor('dead-peer');
    const boundSeconds = (quickProfile.pingEveryMs + quickProfile.pongWithinMs) / 1_000;
    expect(silentSeconds).toBeGreaterThan(quickProfile.pongWithinMs / 1_000 / 2);
    expect(silentSeconds).toBeLessThan(boundSeconds * 1.5);
    // Its kernel takes the next connection, whose handshake runs out of time, and the one after that.
    await lab.waitFor('connecting', ({ attempt }) => attempt === 2);
    await vi.waitFor(() => expect(socketsAt(server.pid, server.port)).toHaveLength(1), 10_000);
    server.signal('SIGCONT');
    const again = await lab.waitFor('open', ({ attempt }) => attempt === 2);
    expect(again.localPort).toBe(localPort);
    await server.waitFor('closed');
    await server.waitFor('ping', { count: countOf(server, 'ping') + 2 });
    expect(sockets.peak()).toBe(1);
    expect(socketsAt(server.pid, server.port)).toEqual([{ remotePort: localPort, state: '01' }]);
    expect(countOf(server, 'open') - countOf(server, 'closed')).toBe(1);
  });
});
