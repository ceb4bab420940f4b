import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { holdLab } from './hold-lab.ts';
import {
  answerWebSocket,
  closeFrame,
  frame,
  message,
  rawServer,
  type RawServer,
} from './raw-server.ts';

/** With this the ladder's steps are 0.9, 1.8, 3.6 s: in the middle of its jitter. */
const MIDDLE = () => 0.5;

/** Seconds from each end of a connection to the next dial, as the server saw them. */
const gapsOf = ({ connections }: RawServer): number[] =>
  connections.slice(1).map(({ openedAtMs }, index) => {
    return (openedAtMs - connections[index]!.endedAtMs!) / 1_000;
  });

/** The ladder, as far as it was climbed, within a fifth. */
function expectLadder(gaps: readonly number[]): void {
  gaps.forEach((gap, step) => {
    expect(gap / 2 ** step).toBeGreaterThan(0.8);
    expect(gap / 2 ** step).toBeLessThan(1.2);
  });
}

/** Who never gets a WebSocket is let go after 10 s, so this file takes half a minute. */
describe.concurrent('the gaps that a server sees follow the ladder', () => {
  it('when it accepts, and closes at once', async () => {
    await using server = await rawServer((socket) => socket.resume().end());
    await using lab = await holdLab({ url: server.url });
    lab.run(MIDDLE);
    await server.untilConnections(4);
    expectLadder(gapsOf(server));
  });

  it('when it opens a WebSocket, sends a message, and closes it', async () => {
    const parts = [frame('binary', message), closeFrame(1011)];
    await using server = await rawServer((socket) => {
      answerWebSocket(socket, ...parts);
      socket.on('data', () => {});
    });
    await using lab = await holdLab({ url: server.url });
    lab.run(MIDDLE);
    await server.untilConnections(4);
    expectLadder(gapsOf(server));
  });

  it('when it never answers the handshake, each of which ends in RST', async () => {
    await using server = await rawServer((socket) => socket.resume());
    await using lab = await holdLab({ url: server.url });
    lab.run(MIDDLE);
    await server.untilConnections(3);
    expectLadder(gapsOf(server));
    expect(server.connections.slice(0, 2).map(({ end }) => end)).toEqual(['reset', 'reset']);
  });

  it('when it trickles its answer, which it may for 10 s and no longer', async () => {
    await using server = await rawServer((socket) => {
      socket.resume().write('HTTP/1.1 101 Switching Protocols\r\nX: ');
      const timer = setInterval(() => socket.write('.'), 200);
      socket.on('close', () => clearInterval(timer));
    });
    await using lab = await holdLab({ url: server.url });
    lab.run(MIDDLE);
    await server.untilConnections(3);
    expectLadder(gapsOf(server));
    const [first] = server.connections;
    expect(first!.end).toBe('reset');
    expect(first!.endedAtMs! - first!.openedAtMs).toBeLessThan(12_000);
  });

  it('when nothing listens', async () => {
    const placeholder = createServer().listen(0, '127.0.0.1');
    await once(placeholder, 'listening');
    const { port } = placeholder.address() as AddressInfo;
    placeholder.close();
    await once(placeholder, 'close');
    await using lab = await holdLab({ url: `ws://127.0.0.1:${port}` });
    lab.run(MIDDLE);
    await lab.waitFor('connecting', ({ attempt }) => attempt === 3);
    const dialed = lab.events.filter(({ event }) => event === 'connecting');
    const gaps = dialed.slice(1).map(({ at }, index) => {
      return (Date.parse(at) - Date.parse(dialed[index]!.at)) / 1_000;
    });
    expectLadder(gaps);
  });

  it('and start anew after a connection with a pong and a message', async () => {
    await using server = await rawServer((socket, index) => {
      if (index < 2) {
        socket.resume().end();
        return;
      }
      answerWebSocket(socket, frame('binary', message));
      socket.on('data', (bytes) => {
        // The client's ping comes masked; a pong bears the same payload.
        if ((bytes[0]! & 0x0f) !== 9) return;
        const mask = bytes.subarray(2, 6);
        const payload = bytes.subarray(6, 14).map((byte, at) => byte ^ mask[at % 4]!);
        socket.end(Buffer.concat([frame('pong', payload), closeFrame(1001)]));
      });
    });
    await using lab = await holdLab({ url: server.url });
    lab.run(MIDDLE);
    await server.untilConnections(4);
    const [first, second, third] = gapsOf(server);
    expectLadder([first!, second!]);
    expectLadder([third!]);
  });
});
