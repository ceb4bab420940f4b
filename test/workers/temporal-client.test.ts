import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, test } from 'vitest';
import { connectTemporal } from '../../workers/temporal-client.ts';

/** Longer than the SDK's first four waits between two attempts at a call, 0.2 to 1.6 s. */
const SEVERAL_REPEATS_MS = 3_500;

test('a connection that is closed while a call is being repeated ends in silence', async () => {
  await using path = await pathToTemporal();
  const temporal = await connectTemporal(path.location);
  const uncaught: unknown[] = [];
  const keep = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', keep);

  await path.cut();
  const over = new AbortController();
  const ask = () => temporal.connection.workflowService.getClusterInfo({});
  const asked = Array.from({ length: 10 }, () =>
    temporal.connection.withAbortSignal(over.signal, ask).catch(() => undefined),
  );
  await Promise.race([sleep(300), ...asked]);
  over.abort();
  await temporal[Symbol.asyncDispose]();
  await sleep(SEVERAL_REPEATS_MS);
  process.off('uncaughtException', keep);

  expect(uncaught).toEqual([]);
});

/** A TCP relay to the real server, which can be cut. */
async function pathToTemporal() {
  const [host, port] = inject('temporalAddress').split(':');
  const sockets = new Set<Socket>();
  const relay = createServer((near) => {
    const far = connect(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    near.pipe(far).pipe(near);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const address = `127.0.0.1:${(relay.address() as AddressInfo).port}`;
  const cut = async (): Promise<void> => {
    if (!relay.listening) return;
    relay.close();
    for (const socket of sockets) socket.destroy();
    await once(relay, 'close');
  };
  return {
    location: {
      address,
      namespace: 'default',
      connectionOptions: { address },
      ui: undefined,
      local: false,
    },
    cut,
    [Symbol.asyncDispose]: cut,
  };
}
