import { once } from 'node:events';
import type * as dns from 'node:dns/promises';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it, vi } from 'vitest';
import { AwakeClock } from '../../../activities/sensor/awake-clock.ts';
import { countHostSockets } from '../../../activities/sensor/host-sockets.ts';
import { connectTcp, type TcpPath } from '../../../activities/sensor/kept-path.ts';
import { rawServer } from './raw-server.ts';
import { silentListener } from './silent-listener.ts';

/** The server's, and two more of this host, where somebody else may listen. */
const [SERVER, SECOND, THIRD] = ['127.0.0.1', '127.0.0.2', '127.0.0.3'] as const;

/** `127.0.0.2_127.0.0.1` is a name with these addresses. */
const nameOf = (...addresses: string[]): string => addresses.join('_');

vi.mock('node:dns/promises', async (original) => ({
  ...(await original<typeof dns>()),
  lookup: (name: string) =>
    Promise.resolve(name.split('_').map((address) => ({ address, family: 4 }))),
}));

describe.runIf(process.platform === 'linux').concurrent('a name with several addresses', () => {
  it('is tried address by address', async ({ expect }) => {
    await using server = await rawServer(() => {});
    await using dial = dialTo(nameOf(THIRD, SERVER), server.port);
    expect(await dial.connected).toMatchObject({ remoteAddress: SERVER });
  });

  it('has 2 s for each, so that a SYN that is lost once gives up none', async ({ expect }) => {
    await using server = await rawServer(() => {});
    await using second = await silentListener(SECOND, server.port);
    await using dial = dialTo(nameOf(SECOND, SERVER), server.port);
    await sleep(400);
    second.answer();
    expect(await dial.connected).toMatchObject({ remoteAddress: SECOND });
    expect(server.connections).toEqual([]);
  });

  it('leaves no socket at an address that does not answer', async ({ expect }) => {
    await using server = await rawServer(() => {});
    await using _ = await silentListener(SECOND, server.port);
    await using dial = dialTo(nameOf(SECOND, SERVER), server.port);
    expect(await dial.connected).toMatchObject({ remoteAddress: SERVER });
    expect(await countHostSockets(SECOND, server.port)).toMatchObject({ SYN_SENT: 0 });
  });

  it('is given up within 10 s, and then leaves no socket', async ({ expect }) => {
    await using server = await rawServer(() => {});
    await using _ = await silentListener(SECOND, server.port);
    await using __ = await silentListener(THIRD, server.port);
    const startedAt = performance.now();
    await using dial = dialTo(nameOf(SECOND, THIRD), server.port);
    await expect(dial.connected).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    for (const address of [SECOND, THIRD])
      expect(await countHostSockets(address, server.port)).toMatchObject({ SYN_SENT: 0 });
  });

  it('leads elsewhere when the kept address answers no port, and the log says so', async ({
    expect,
  }) => {
    await using server = await rawServer(() => {});
    await using _ = await silentListener(SECOND, server.port);
    const kept = { ...(await freePort()), remoteAddress: SECOND };
    await using dial = dialTo(nameOf(SECOND, SERVER), server.port, kept);
    expect(await dial.connected).toMatchObject({ remoteAddress: SERVER });
    expect(server.connections).toHaveLength(1);
    expect(dial.log).toEqual([
      `local port given up: ${SECOND}: no answer within 10 s, from ${kept.localPort}`,
    ]);
  });

  it('does not give up the port where no other address answers', async ({ expect }) => {
    const kept = { ...(await freePort()), remoteAddress: SECOND };
    await using dial = dialTo(nameOf(SECOND, THIRD), (await freePort()).localPort, kept);
    await expect(dial.connected).rejects.toThrow(`ECONNREFUSED ${SECOND}`);
    expect(dial.log).toEqual([]);
  });
});

/** A dial whose socket ends with the test. */
function dialTo(host: string, port: number, kept?: TcpPath) {
  const clock = new AwakeClock();
  const log: string[] = [];
  const warn = (message: string, fields?: Record<string, unknown>) =>
    void log.push(`${message}: ${String(fields?.['why'])}, from ${String(fields?.['localPort'])}`);
  const connected = connectTcp({
    server: { host, port, secure: false, name: `${host}:${port}` },
    kept,
    clock,
    signal: new AbortController().signal,
    log: { info: warn, warn, error: warn },
  });
  connected.catch(() => {});
  return {
    connected,
    log,
    async [Symbol.asyncDispose]() {
      (await connected.catch(() => undefined))?.destroy();
      clock[Symbol.dispose]();
    },
  };
}

async function freePort(): Promise<Omit<TcpPath, 'remoteAddress'>> {
  const server = createServer().listen(0, SERVER);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return { localAddress: SERVER, localPort: port };
}
