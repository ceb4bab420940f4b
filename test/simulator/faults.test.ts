import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { startSimulator } from '../../simulator/start-simulator.ts';
import { dialClient, openClient } from './stream-client.ts';

it('streams, answers pings, and keeps what it saw of the connection', async () => {
  await using server = await startSimulator();
  await using client = await openClient(server.urls.output);
  expect((await client.next()).isBinary).toBe(true);
  expect(await client.ping('mine')).toBe('mine');
  client.socket.close(1000);
  expect(await client.closed).toMatchObject({ code: 1000 });
  const { output, points } = await server.waitFor(({ output: { now } }) => now === 0);
  expect(output).toMatchObject({ ever: 1, peak: 1 });
  expect(output.connections).toMatchObject([
    { path: '/', pongs: 1, closeCode: 1000, end: 'client-closed' },
  ]);
  expect(output.connections[0]!.pingsAtMs).toHaveLength(1);
  expect(points.ever).toBe(0);
});

it('remembers which message went to which connection, without a hole', async () => {
  await using server = await startSimulator({ hertz: 50 });
  await using one = await openClient(server.urls.output);
  await using two = await openClient(server.urls.output);
  await server.waitFor(({ output }) => output.connections.every(({ messages }) => messages > 20));
  const [first, second] = [1, 2].map((connection) => server.sent({ connection }));
  for (const sent of [first!, second!]) {
    const sequences = sent.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => sequences[0]! + index));
  }
  expect(first![0]!.sequence).toBeLessThanOrEqual(second![0]!.sequence);
  for (const client of [one, two]) expect(await client.next()).toBeDefined();
});

it('is silent: pongs go on, messages come again afterwards', async () => {
  await using server = await startSimulator({ hertz: 50 });
  await using client = await openClient(server.urls.output);
  await client.next();
  await server.faults.set('silent');
  const before = server.counts().output.connections[0]!.messages;
  expect(await client.ping('a')).toBe('a');
  expect(await client.ping('b')).toBe('b');
  expect(server.counts().output.connections[0]!.messages).toBe(before);
  await server.faults.clear();
  await server.waitFor(({ output }) => output.connections[0]!.messages > before);
});

it('is mute: pings are counted and not answered, a handshake waits until it is over', async () => {
  await using server = await startSimulator();
  await using client = await openClient(server.urls.output);
  await server.faults.set('mute');
  client.socket.ping('a');
  await server.waitFor(({ output }) => output.connections[0]!.pingsAtMs.length === 1);
  expect(server.counts().output.connections[0]!.pongs).toBe(0);
  await using late = dialClient(server.urls.output);
  await server.waitFor(({ output }) => output.now === 2);
  expect(late.socket.readyState).toBe(late.socket.CONNECTING);
  const open = once(late.socket, 'open');
  await server.faults.clear('mute');
  await open;
});

it('stalls like a stopped process: what came meanwhile is answered afterwards', async () => {
  await using server = await startSimulator();
  await using client = await openClient(server.urls.output);
  await server.faults.set('stall', { stream: 'output' });
  const pong = client.ping('late');
  await using other = await openClient(server.urls.points);
  expect(await other.ping('of the other stream')).toBe('of the other stream');
  expect(server.counts().output.connections[0]!.pingsAtMs).toEqual([]);
  await server.faults.clear();
  expect(await pong).toBe('late');
});

it('refuses, and listens on the same port again', async () => {
  await using server = await startSimulator();
  await server.faults.set('refuse');
  const { port } = new URL(server.urls.output);
  const [error] = (await once(connect(Number(port), '127.0.0.1'), 'error')) as [
    NodeJS.ErrnoException,
  ];
  expect(error.code).toBe('ECONNREFUSED');
  await server.faults.clear();
  await using client = await openClient(server.urls.output);
  expect(await client.ping('a')).toBe('a');
});

it('closes with a code once, or each new connection too', async () => {
  await using server = await startSimulator();
  await using first = await openClient(server.urls.output);
  await server.faults.set('close', { code: 1011, reason: 'Writing buffer is full' });
  expect(await first.closed).toEqual({ code: 1011, reason: 'Writing buffer is full' });
  await using second = await openClient(server.urls.output);
  await second.next();
  await server.faults.set('close', { code: 1006, keep: true });
  expect(await second.closed).toMatchObject({ code: 1006 });
  await using third = await openClient(server.urls.output);
  expect(await third.closed).toMatchObject({ code: 1006 });
  const { output } = await server.waitFor(({ output: { now } }) => now === 0);
  expect(output.connections.map(({ end }) => end)).toEqual(Array(3).fill('server-closed'));
});

it('resets after the handshake, or before it', async () => {
  await using server = await startSimulator();
  const errorOf = async () => {
    const socket = connect(Number(new URL(server.urls.output).port), '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    return error.code;
  };
  await server.faults.set('reset', { keep: true, at: 'accept' });
  expect(await errorOf()).toBe('ECONNRESET');
  await server.faults.set('reset', { keep: true });
  await using client = await openClient(server.urls.output);
  expect(await client.closed).toMatchObject({ code: 1006 });
  await server.faults.clear();
  await using next = await openClient(server.urls.output);
  expect(await next.ping('a')).toBe('a');
});

it('trickles the answer to a handshake, and ends it when told to', async () => {
  await using server = await startSimulator();
  await server.faults.set('trickle', { everyMs: 2 });
  const socket = connect(Number(new URL(server.urls.output).port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: key\r\n\r\n');
  let received = '';
  socket.setEncoding('latin1').on('data', (text) => (received += String(text)));
  while (!/X-Slow: z{20}/.test(received)) await once(socket, 'data');
  expect(received).not.toContain('\r\n\r\n');
  await server.faults.clear();
  while (!received.includes('\r\n\r\n')) await once(socket, 'data');
  expect(server.counts().output.connections[0]!.openedAtMs).toBeDefined();
  socket.destroy();
});

it('reads slowly: the pong comes when it has read', async () => {
  await using server = await startSimulator();
  await using client = await openClient(server.urls.output);
  await server.faults.set('slow', { everyMs: 300 });
  const askedAt = performance.now();
  await client.ping('a');
  expect(performance.now() - askedAt).toBeGreaterThan(250);
});

it('answers pings late, while messages go on', async () => {
  await using server = await startSimulator({ hertz: 50 });
  await using client = await openClient(server.urls.output);
  await server.faults.set('late', { delayMs: 300 });
  const pong = client.ping('a');
  const { output } = await server.waitFor((counts) => counts.output.connections[0]!.pongs === 1);
  expect(await pong).toBe('a');
  const [{ pingsAtMs, id }] = output.connections as [(typeof output.connections)[0]];
  const meanwhile = server.sent({ connection: id }).filter(({ atMs }) => atMs > pingsAtMs[0]!);
  expect(meanwhile.length).toBeGreaterThan(5);
});

it('throws out a client that does not read', async () => {
  await using server = await startSimulator({
    points: 100_000,
    hertz: 50,
    maxBufferBytes: 1 << 20,
  });
  await using client = await openClient(server.urls.points);
  client.socket.pause();
  const { points } = await server.waitFor(
    ({ points: { connections } }) => connections[0]?.endedAtMs !== undefined,
  );
  expect(points.connections[0]).toMatchObject({ end: 'server-closed' });
});

it.each([
  ['bytes', { isBinary: true, first: 0xff }],
  ['text', { isBinary: false, first: 0x7b }],
] as const)('sends garbage in place of a message: %s', async (kind, expected) => {
  await using server = await startSimulator({ hertz: 50 });
  await server.faults.set('garbage', { kind });
  await using client = await openClient(server.urls.output);
  const { bytes, isBinary } = await client.next();
  expect({ isBinary, first: bytes[0] }).toEqual(expected);
  expect(server.sent().every((sent) => sent.kind === 'garbage')).toBe(true);
});

it('splits a message into a thousand fragments without changing it', async () => {
  const sent: Buffer[] = [];
  await using server = await startSimulator({ onSent: (_, payload) => sent.push(payload()!) });
  await server.faults.set('garbage', { kind: 'fragments' });
  await using client = await openClient(server.urls.output);
  const { bytes } = await client.next();
  expect(bytes.equals(sent[0]!)).toBe(true);
});

it.each(['header', 'frames'] as const)('breaks a connection: %s', async (kind) => {
  await using server = await startSimulator({ hertz: 50 });
  await using client = await openClient(server.urls.output);
  await server.faults.set('garbage', { kind });
  expect(await client.closed).toMatchObject({ code: 1006 });
});

it('answers a handshake with a web page', async () => {
  await using server = await startSimulator();
  await server.faults.set('garbage', { kind: 'http' });
  const client = dialClient(server.urls.output);
  const [error] = (await once(client.socket, 'error')) as [Error];
  expect(error.message).toContain('200');
});
