import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** One connection through a path: `near` is the client's end, `far` the server's. */
interface Link {
  near: Socket;
  far: Socket;
  /** What the server says is swallowed. */
  isMute: boolean;
  /** Arrived in a black hole, in order; at most what was under way, because nothing more is read. */
  held: (() => void)[];
}

type From = 'client' | 'server';

interface Armed {
  /** Sees what is about to be forwarded. @returns true when it took care of the bytes, and is done */
  meet(link: Link, from: From, bytes: Buffer): boolean;
}

/** `commit` as `pg` sends it: a simple query of eleven bytes. */
const COMMIT = Buffer.from('Q\0\0\0\x0bcommit\0', 'latin1');

/** A way to a server over TCP that can be cut for those who take it, and for nobody else. Needs no rights. */
export class CuttablePath implements AsyncDisposable {
  readonly address: string;
  private readonly server: Server;
  private readonly links = new Set<Link>();
  private readonly delayMs: number;
  private isCut = false;
  private isHole = false;
  private armed: Armed | undefined;

  constructor(server: Server, target: { host: string; port: number }, delayMs: number) {
    this.server = server;
    this.delayMs = delayMs;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (near) => {
      if (this.isCut) near.destroy();
      else this.join(near, connect(target));
    });
  }

  get port(): number {
    return Number(this.address.split(':')[1]);
  }

  /** Ends all connections, and each new one at once. */
  cut(): void {
    this.isCut = true;
    for (const link of this.links) destroy(link);
  }

  /** Ends every fault. What a black hole held is delivered. */
  mend(): void {
    this.isCut = false;
    this.armed = undefined;
    if (!this.isHole) return;
    this.isHole = false;
    for (const link of this.links) {
      for (const deliver of link.held.splice(0)) deliver();
      link.near.resume();
      link.far.resume();
    }
  }

  /** From now on nothing arrives, in either direction, and nobody is told; new connections are met by silence. */
  swallow(): void {
    this.isHole = true;
    for (const { near, far } of this.links) {
      near.pause();
      far.pause();
    }
  }

  /** Ends all connections by RST. */
  reset(): void {
    for (const { near, far } of this.links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Waits for the next bytes from there, forwards half of them, and ends the connection. */
  cutMidMessage(from: From, signal: AbortSignal): Promise<boolean> {
    return this.meetNext(signal, (link, sender, bytes) => {
      if (sender !== from || bytes.length < 2) return false;
      const to = from === 'client' ? link.far : link.near;
      to.write(bytes.subarray(0, bytes.length >> 1), () => destroy(link));
      return true;
    });
  }

  /** Waits for the next COMMIT, and ends the connection before it arrives. */
  loseCommit(signal: AbortSignal): Promise<boolean> {
    return this.meetNext(signal, (link, from, bytes) => {
      if (from !== 'client' || !bytes.includes(COMMIT)) return false;
      destroy(link);
      return true;
    });
  }

  /** Waits for the next COMMIT, delivers it, keeps the answer back for a time, and ends the connection. */
  async withholdCommitted(holdMs: number, signal: AbortSignal): Promise<boolean> {
    let held: Link | undefined;
    const met = await this.meetNext(signal, (link, from, bytes) => {
      if (from !== 'client' || !bytes.includes(COMMIT)) return false;
      link.isMute = true;
      link.far.write(bytes);
      held = link;
      return true;
    });
    if (!met) return false;
    await sleep(holdMs);
    destroy(held!);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  /** @returns false when nothing came to meet before the signal */
  private meetNext(signal: AbortSignal, meet: Armed['meet']): Promise<boolean> {
    return new Promise((resolve) => {
      const armed: Armed = {
        meet: (...seen) => {
          if (!meet(...seen)) return false;
          this.armed = undefined;
          resolve(true);
          return true;
        },
      };
      this.armed = armed;
      signal.addEventListener('abort', () => {
        if (this.armed === armed) this.armed = undefined;
        resolve(false);
      });
    });
  }

  private join(near: Socket, far: Socket): void {
    const link: Link = { near, far, isMute: false, held: [] };
    this.links.add(link);
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      // What was under way to the other end arrives, unless the connection broke.
      socket.on('close', (hadError) => {
        if (hadError) destroy(link);
        if (near.destroyed && far.destroyed) this.links.delete(link);
      });
    }
    this.forward(link, 'client', near, far);
    this.forward(link, 'server', far, near);
    if (this.isHole) {
      near.pause();
      far.pause();
    }
  }

  private forward(link: Link, from: From, source: Socket, sink: Socket): void {
    const deliver = (write: () => void) => {
      if (this.isHole) link.held.push(write);
      else write();
    };
    const later = (write: () => void) => {
      if (this.delayMs === 0) deliver(write);
      else setTimeout(() => deliver(write), this.delayMs);
    };
    source.on('data', (bytes: Buffer) =>
      later(() => {
        if (sink.destroyed || (from === 'server' && link.isMute)) return;
        if (this.armed?.meet(link, from, bytes)) return;
        if (sink.write(bytes)) return;
        source.pause();
        sink.once('drain', () => {
          if (!this.isHole) source.resume();
        });
      }),
    );
    source.on('end', () => later(() => sink.end()));
  }
}

function destroy({ near, far }: Link): void {
  near.destroy();
  far.destroy();
}

/**
 * @param target host and port, such as `127.0.0.1:5432`
 * @param delayMs how long each piece is under way, in each direction
 */
export async function cuttablePath(target: string, delayMs = 0): Promise<CuttablePath> {
  const [host = '', port] = target.split(':');
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new CuttablePath(server, { host, port: Number(port) }, delayMs);
}
