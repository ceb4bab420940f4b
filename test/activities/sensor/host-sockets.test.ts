import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { countHostSockets, listHostSockets } from '../../../activities/sensor/host-sockets.ts';

const WITHIN = { timeout: 20_000, interval: 50 };

async function listeningServer(host: string) {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}));
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  return {
    port,
    server,
    async dial(to: string): Promise<Socket> {
      const accepted = once(server, 'connection');
      const client = connect({ host: to, port });
      clients.push(client);
      const [[peer]] = (await Promise.all([accepted, once(client, 'connect')])) as [
        [Socket],
        unknown,
      ];
      clients.push(peer);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of clients) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.skipIf(!existsSync('/proc/net/tcp'))('the sockets of the host', () => {
  it('are counted by state towards one port, and not those of the server', async () => {
    await using there = await listeningServer('127.0.0.1');
    await there.dial('127.0.0.1');
    const closing = await there.dial('127.0.0.1');
    expect(await countHostSockets('127.0.0.1', there.port)).toMatchObject({
      ESTABLISHED: 2,
      LISTEN: 0,
    });
    closing.end();
    await vi.waitFor(
      async () =>
        expect(await countHostSockets('localhost', there.port)).toMatchObject({
          ESTABLISHED: 1,
          FIN_WAIT2: 1,
        }),
      WITHIN,
    );
    expect(await countHostSockets('127.0.0.2', there.port)).toMatchObject({ ESTABLISHED: 0 });
  });

  it("have the server's CLOSE_WAIT on its own side of the list", async () => {
    await using there = await listeningServer('127.0.0.1');
    const client = await there.dial('127.0.0.1');
    client.end();
    await vi.waitFor(async () => {
      const sockets = (await listHostSockets()) ?? [];
      const served = sockets.filter(({ local }) => local.port === there.port);
      expect(served.map(({ state }) => state).toSorted()).toEqual(['CLOSE_WAIT', 'LISTEN']);
    }, WITHIN);
  });

  it('towards an IPv4 address are found though the socket is an IPv6 one', async (context) => {
    if (!existsSync('/proc/net/if_inet6')) context.skip('this host has no IPv6');
    await using there = await listeningServer('::');
    await there.dial('::ffff:127.0.0.1');
    await there.dial('::1');
    expect(await countHostSockets('127.0.0.1', there.port)).toMatchObject({ ESTABLISHED: 1 });
    expect(await countHostSockets('[::1]', there.port)).toMatchObject({ ESTABLISHED: 1 });
    expect(await countHostSockets('::ffff:127.0.0.1', there.port)).toMatchObject({
      ESTABLISHED: 1,
    });
  });

  it('are unknown towards a name without an address', async () => {
    expect(await countHostSockets('no.such.host.invalid', 9080)).toBeUndefined();
  });
});
