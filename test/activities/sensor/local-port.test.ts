import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startSimulator } from '../../../simulator/start-simulator.ts';
import { holdLab } from './hold-lab.ts';
import { answerWebSocket, closeFrame, frame, message, rawServer } from './raw-server.ts';

const hello = frame('binary', message);

describe('the local port of the next connection', () => {
  it('is the same after a dead peer, so that the kernel of the server holds one', async () => {
    await using simulator = await startSimulator();
    await using lab = await holdLab({ url: simulator.urls.output });
    const dead = lab.connect();
    await lab.waitFor('open');
    await simulator.faults.set('mute');
    const { reason, localPort } = await dead;
    expect(reason).toBe('dead-peer');
    await simulator.faults.clear();
    void lab.connect(1);
    expect(await lab.waitFor('open', ({ attempt }) => attempt === 1)).toMatchObject({ localPort });
    await simulator.waitFor(({ output }) => output.now === 1);
    expect(simulator.counts().output.tcp).toEqual({ ESTABLISHED: 1 });
  });

  it('is the same after a handshake that failed', async () => {
    await using server = await rawServer((socket, index) => {
      if (index === 0) socket.resume().write('HTTP/1.1 503 Service Unavailable\r\n\r\n');
      else answerWebSocket(socket, hello);
    });
    await using lab = await holdLab({ url: server.url });
    expect((await lab.connect()).detail).toMatch(/answers with HTTP 503/);
    await server.untilEnded(1);
    void lab.connect(1);
    await lab.waitFor('open');
    const [first, second] = server.connections;
    expect(first!.end).toBe('reset');
    expect(second!.remotePort).toBe(first!.remotePort);
  });

  it('is another one after a closing handshake', async () => {
    await using server = await rawServer((socket) =>
      answerWebSocket(socket, hello, closeFrame(1000)),
    );
    await using lab = await holdLab({ url: server.url });
    await lab.connect();
    await lab.connect(1);
    const [first, second] = server.connections;
    expect(second!.remotePort).not.toBe(first!.remotePort);
  });

  it('is another one when somebody has taken it, and the log says so', async () => {
    await using server = await rawServer((socket) => answerWebSocket(socket, hello));
    await using lab = await holdLab({ url: server.url });
    const { reason, localPort } = await lab.connect();
    expect(reason).toBe('dead-peer');
    const taker = createServer().listen(localPort, '127.0.0.1');
    await once(taker, 'listening');
    void lab.connect(1);
    await lab.waitFor('open', ({ attempt }) => attempt === 1);
    expect(server.connections[1]!.remotePort).not.toBe(localPort);
    expect(lab.log.lines.join('\n')).toMatch(/warn local port given up .*EADDRINUSE/);
    taker.close();
  });

  it('is the same where the server has a name', async () => {
    await using server = await rawServer((socket) => answerWebSocket(socket, hello));
    await using lab = await holdLab({ url: `ws://localhost:${server.port}` });
    expect(await lab.connect()).toMatchObject({ reason: 'dead-peer' });
    void lab.connect(1);
    await lab.waitFor('open', ({ attempt }) => attempt === 1);
    const [first, second] = server.connections;
    expect(second!.remotePort).toBe(first!.remotePort);
  });
});

describe.runIf(process.platform === 'linux')('a fresh local port', () => {
  it('is bound before it connects, so that the kernel gives it to no connection to elsewhere', async () => {
    await using server = await rawServer((socket) => answerWebSocket(socket, hello));
    await using elsewhere = await rawServer(() => {});
    await using lab = await holdLab({ url: server.url });
    void lab.connect();
    const { localPort } = await lab.waitFor('open');
    // Linux lets two share a port that both have bound, and lets nobody bind one that was chosen while connecting.
    const other = connect({
      host: '127.0.0.1',
      port: elsewhere.port,
      localAddress: '127.0.0.1',
      localPort,
    });
    await once(other, 'connect');
    other.destroy();
  });
});
