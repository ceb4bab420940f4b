import { getEventListeners } from 'node:events';
import { Pool } from 'undici';
import { describe, expect, it } from 'vitest';
import { exchange } from '../../../../activities/sensor/rest/exchange.ts';
import { playRestServer } from './played-rest-server.ts';

const request = { method: 'GET', path: '/results/health' } as const;
const sent = { request, target: request.path, authorization: undefined, signal: undefined };

describe('an answer', () => {
  it('that trickles for ever is given up after three times its time', async () => {
    await using server = await playRestServer((response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('x'), 50);
      response.once('close', () => clearInterval(timer));
    });
    const pool = new Pool(server.base);
    const startedAt = performance.now();
    const failure = exchange(pool, { ...sent, withinMs: 300 });
    await expect(failure).rejects.toThrow('not whole after 0.9 s');
    expect(performance.now() - startedAt).toBeGreaterThan(890);
    await pool.destroy();
  });

  it('is sent credentials when there are some, and is read as UTF-8', async () => {
    const asked: (string | undefined)[] = [];
    await using server = await playRestServer((response, { headers }) => {
      asked.push(headers.authorization);
      const bytes = Buffer.from('"Kai über"');
      response.write(bytes.subarray(0, 6));
      setImmediate(() => response.end(bytes.subarray(6)));
    });
    const pool = new Pool(server.base);
    const answer = await exchange(pool, { ...sent, withinMs: 5_000, authorization: 'Basic bWU=' });
    expect(answer).toEqual({ status: 200, text: '"Kai über"', endMarked: true });
    expect(asked).toEqual(['Basic bWU=']);
    await pool.destroy();
  });

  it('leaves no listener on the signal of its caller', async () => {
    await using server = await playRestServer((response) => void response.end('{}'));
    const pool = new Pool(server.base);
    const { signal } = new AbortController();
    for (let n = 0; n < 5; n++) await exchange(pool, { ...sent, withinMs: 5_000, signal });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
    await pool.destroy();
  });
});
