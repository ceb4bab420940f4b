// Takes about 40 s: an idle connection is kept for 30 s.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { callMany } from '../../../../activities/sensor/rest/call-many.ts';
import { openSensrClient } from '../../../../activities/sensor/rest/sensr-client.ts';
import { countByState, listHostSockets } from '../../../../activities/sensor/host-sockets.ts';
import { startSimulator } from '../../../../simulator/start-simulator.ts';
import { json, playRestServer } from './played-rest-server.ts';

const HEALTH = { method: 'GET', path: '/results/health' } as const;

/** The states of a port's sockets, of the server's and of the clients' side. */
async function socketsOf(port: number) {
  const sockets = (await listHostSockets()) ?? [];
  return {
    server: countByState(sockets.filter(({ local }) => local.port === port)),
    clients: countByState(sockets.filter(({ remote }) => remote.port === port)),
  };
}

const WITHIN = { timeout: 20_000, interval: 100 };
const manyCalls = { count: 1_000, concurrency: 100 };

interface Peer extends AsyncDisposable {
  port: number;
}

/** As its documentation shows it: it ends idle connections after 5 s, and says so. */
async function nodeServer(): Promise<Peer> {
  const server = createServer((_, response) => json(response, { master: 'OK' }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PYTHON_SERVER = `
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    wbufsize = -1
    def do_GET(self):
        body = b'{"master": "OK"}'
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
`;

async function pythonServer(): Promise<Peer> {
  const child = spawn('python3', ['-c', PYTHON_SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    port: Number(line.toString()),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await once(child, 'close');
    },
  };
}

const hasPython = spawnSync('python3', ['--version']).status === 0;
const hasSockets = existsSync('/proc/net/tcp');

const peers: [string, () => Promise<Peer>][] = [
  [
    'the simulator',
    async () => {
      const simulator = await startSimulator({ hertz: 1 });
      const port = Number(new URL(simulator.urls.rest).port);
      return { port, [Symbol.asyncDispose]: () => simulator.stop() };
    },
  ],
  ["Node's server", nodeServer],
  ["Python's server", pythonServer],
];

describe('1,000 calls', () => {
  it.for(peers)(
    'use at most 20 connections and leave no TIME_WAIT on the side of %s',
    async ([name, start], { skip }) => {
      if (name.startsWith('Python') && !hasPython) skip('there is no python3 here');
      await using peer = await start();
      {
        await using client = openSensrClient({ base: `http://127.0.0.1:${peer.port}` });
        const tally = await callMany(client, HEALTH, manyCalls);
        expect(tally).toMatchObject({ calls: 1_000, good: 1_000 });
        expect(client.connections).toBeLessThanOrEqual(20);
        if (hasSockets)
          expect((await socketsOf(peer.port)).server.ESTABLISHED).toBeLessThanOrEqual(20);
      }
      if (!hasSockets) return;
      await vi.waitFor(async () => {
        const { server, clients } = await socketsOf(peer.port);
        expect({ ...server, LISTEN: 0 }).toEqual(countByState([]));
        expect(clients.TIME_WAIT).toBeGreaterThan(0);
        expect(clients.ESTABLISHED).toBe(0);
      }, WITHIN);
    },
  );

  it('of which the first 20 in a row are not answered are not made at all', async () => {
    await using server = await playRestServer((response) => response.socket?.resetAndDestroy());
    await using client = openSensrClient({ base: server.base });
    const request = { method: 'POST', path: '/v3.5/commands/apply-change' } as const;
    const tally = await callMany(client, request, {
      count: 1_000,
      concurrency: 10,
    });
    expect(tally.good).toBe(0);
    expect(tally.failures).toEqual({ 'rest-outcome-unknown': tally.calls });
    expect(tally.calls).toBeLessThan(40);
    expect(tally.firstFailure?.code).toBe('rest-outcome-unknown');
  });

  it('are told apart: good ones, other statuses, and halves of an answer without a length', async () => {
    const half = (response: ServerResponse) => {
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { connection: 'close' }).end('{"master":');
    };
    await using server = await playRestServer((response, _, nth) => {
      if (nth % 5 === 0) half(response);
      else if (nth % 5 === 1) response.writeHead(404).end();
      else json(response, { master: 'OK' });
    });
    await using client = openSensrClient({ base: server.base });
    const tally = await callMany(client, HEALTH, { count: 100, concurrency: 1 });
    expect(tally).toMatchObject({
      calls: 100,
      good: 60,
      notWhole: 20,
      statuses: { 200: 80, 404: 20 },
      failures: {},
    });
    expect(tally.milliseconds).toHaveLength(100);
  });
});

describe.skipIf(!hasSockets)('an idle connection', () => {
  it('is closed from this side, sooner than the server would that says when it will', async () => {
    await using peer = await nodeServer();
    await using client = openSensrClient({ base: `http://127.0.0.1:${peer.port}` });
    await client.call(HEALTH);
    await vi.waitFor(
      async () => {
        const { server, clients } = await socketsOf(peer.port);
        expect(clients.ESTABLISHED).toBe(0);
        expect(server.TIME_WAIT).toBe(0);
        expect(clients.TIME_WAIT).toBe(1);
      },
      { timeout: 15_000, interval: 100 },
    );
  }, 30_000);

  it('is kept for 30 s, and closed from this side', async () => {
    await using server = await playRestServer((response) => json(response, { master: 'OK' }));
    await using client = openSensrClient({ base: server.base });
    await client.call(HEALTH);
    const startedAt = performance.now();
    await vi.waitFor(
      async () => {
        const { server: served, clients } = await socketsOf(server.port);
        expect(clients.ESTABLISHED).toBe(0);
        expect(served.TIME_WAIT).toBe(0);
        expect(clients.TIME_WAIT).toBe(1);
      },
      { timeout: 50_000, interval: 200 },
    );
    const idleSeconds = (performance.now() - startedAt) / 1_000;
    expect(idleSeconds).toBeGreaterThan(29);
    expect(idleSeconds).toBeLessThan(45);
  }, 60_000);
});
