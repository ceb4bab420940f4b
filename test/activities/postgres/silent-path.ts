import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface SilentPath extends AsyncDisposable {
  /** The same database by this way. */
  url: string;
  /** From now on nothing gets through, and connections are taken that nobody answers. */
  silence(): void;
  mend(): void;
}

/** A way to a database that can fall silent: to whoever waits on it, it looks like a path that drops every packet. */
export async function silentPath(url: string): Promise<SilentPath> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const join = (from: Socket, to: Socket) => {
      sockets.add(from);
      from.on('data', (bytes) => void (isSilent || to.write(bytes)));
      from.on('error', () => from.destroy());
      from.on('close', () => {
        sockets.delete(from);
        if (!isSilent) to.destroy();
      });
    };
    join(near, far);
    join(far, near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const by = new URL(url);
  by.hostname = '127.0.0.1';
  by.port = String((server.address() as AddressInfo).port);
  return {
    url: by.href,
    silence: () => {
      isSilent = true;
    },
    mend: () => {
      isSilent = false;
      for (const socket of sockets) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
