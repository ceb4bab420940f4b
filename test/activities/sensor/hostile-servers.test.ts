import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { holdLab } from './hold-lab.ts';
import {
  answerWebSocket,
  closeFrame,
  frame,
  healthMessage,
  message,
  rawServer,
} from './raw-server.ts';

const hello = frame('binary', message);

describe('a server that lets nobody in', () => {
  it.each([
    ['closes at once', (socket: Socket) => socket.end(), /ended the connection before/],
    ['resets at once', (socket: Socket) => socket.resetAndDestroy(), /ended the connection before/],
    ['answers what is no HTTP', (socket: Socket) => socket.write('SSH-2.0\r\n'), /no HTTP/],
    [
      'answers with HTTP 404',
      (socket: Socket) => socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'),
      /answers with HTTP 404, not with a WebSocket/,
    ],
    [
      'answers with the wrong key',
      (socket: Socket) =>
        socket.write(
          'HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n',
        ),
      /Sec-WebSocket-Accept/,
    ],
  ])('%s', async (_, answer, detail) => {
    await using server = await rawServer((socket) => void answer(socket.resume()));
    await using lab = await holdLab({ url: server.url });
    expect(await lab.connect()).toMatchObject({
      reason: 'not-opened',
      detail: expect.stringMatching(detail) as string,
      healthy: false,
      messages: 0,
    });
    expect(lab.events.map(({ event }) => event)).toEqual(['connecting']);
  });
});

describe('what an open connection brings', () => {
  it('counts text and garbage, and goes on', async () => {
    const odd = [
      frame('text', Buffer.from('hello')),
      frame('text', Buffer.from([0xff, 0xfe])),
      frame('binary', Buffer.from('no protobuf at all')),
      hello,
    ];
    await using server = await rawServer((socket) => answerWebSocket(socket, ...odd));
    await using lab = await holdLab({ url: server.url });
    const ended = lab.connect();
    await lab.log.waitFor(/messages not decoded/);
    server.sockets[0]!.end(closeFrame(1001, 'going away'));
    expect(await ended).toMatchObject({
      reason: 'closed',
      code: 1001,
      messages: 4,
      healthy: false,
    });
    expect(lab.holder.status).toMatchObject({ messages: 4, bytes: 29 });
  });

  it('takes a message of 1,000 fragments for one', async () => {
    const first = frame('binary', message.subarray(0, 1), false);
    const empty = frame('continuation', Buffer.alloc(0), false);
    const last = frame('continuation', message.subarray(1));
    const fragments = [first, ...Array.from({ length: 998 }, () => empty), last];
    await using server = await rawServer((socket) =>
      answerWebSocket(socket, ...fragments, closeFrame(1000)),
    );
    await using lab = await holdLab({ url: server.url });
    expect(await lab.connect()).toMatchObject({ reason: 'closed', messages: 1, bytes: 4 });
    expect(lab.log.lines).toEqual([]);
  });

  it('ends at a header that announces 200 MB, and takes no memory for it', async () => {
    // FIN and binary, a length in 64 bits: 200,000,000.
    const header = Buffer.from([0x82, 127, 0, 0, 0, 0, 0x0b, 0xeb, 0xc2, 0x00]);
    await using server = await rawServer((socket) => answerWebSocket(socket, header));
    await using lab = await holdLab({ url: server.url });
    const before = process.memoryUsage().arrayBuffers;
    const ended = lab.connect();
    await lab.waitFor('open');
    await server.untilEnded(1);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    expect(await ended).toMatchObject({ reason: 'protocol-error', healthy: false });
    expect((await ended).detail).toMatch(/payload size/i);
  });

  it('ends at bytes that are no frame', async () => {
    await using server = await rawServer((socket) =>
      answerWebSocket(socket, Buffer.from('this is no frame')),
    );
    await using lab = await holdLab({ url: server.url });
    expect(await lab.connect()).toMatchObject({ reason: 'protocol-error' });
  });

  it('does not take the pong of another ping for its own', async () => {
    const foreign = frame('pong', Buffer.from('12345678'));
    await using server = await rawServer((socket) => answerWebSocket(socket, hello, foreign));
    await using lab = await holdLab({ url: server.url });
    expect(await lab.connect()).toMatchObject({ reason: 'dead-peer', healthy: false });
    await server.untilEnded(1);
    expect(server.connections[0]).toMatchObject({ end: 'reset' });
  });
});

describe('how the server ends it', () => {
  it.each([
    ['1011 means thrown out', [1], closeFrame(1011, 'Writing buffer is full'), 'thrown-out'],
    ['any code after OUTPUT_BUFFER_OVERFLOW means thrown out', [5], closeFrame(1001), 'thrown-out'],
    ['the last health is what counts', [5, 1], closeFrame(1001), 'closed'],
    ['a close frame may have no code', [1], frame('close', Buffer.alloc(0)), 'closed'],
  ] as const)('%s', async (_, healths, close, reason) => {
    const messages = healths.map((master) => frame('binary', healthMessage(master)));
    await using server = await rawServer((socket) => answerWebSocket(socket, ...messages));
    await using lab = await holdLab({ url: server.url });
    const ended = lab.connect();
    await lab.log.waitFor(healths.at(-1) === 1 ? /server is well/ : /OUTPUT_BUFFER_OVERFLOW/);
    server.sockets[0]!.end(close);
    expect(await ended).toMatchObject({ reason });
    const code = close.length > 2 ? close.readUInt16BE(2) : 1005;
    expect(await lab.waitFor('closed')).toMatchObject({ code });
  });

  it('an end without a close frame is answered with RST', async () => {
    await using server = await rawServer((socket) => answerWebSocket(socket, hello));
    await using lab = await holdLab({ url: server.url });
    const ended = lab.connect();
    await lab.waitFor('open');
    server.sockets[0]!.end();
    expect(await ended).toMatchObject({ reason: 'lost', code: 1006 });
    await server.untilEnded(1);
    expect(server.connections[0]).toMatchObject({ end: 'reset' });
  });
});
