import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Client, Pool } from 'pg';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lookAtSource } from '../../../activities/postgres/look-at-source.ts';
import { closePool, openPool } from '../../../activities/postgres/connection.ts';
import { SourceSlots } from '../../../activities/postgres/source-slots.ts';
import { Gate } from '../../workflows/gate.ts';
import { freshDatabase, type TestDatabase } from '../../database.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const limits = { maxLatencyMs: 60_000, maxActive: undefined, maxReplicationLagMs: undefined };
const never = new AbortController().signal;
const subject = 'IMO9976903';

let database: TestDatabase;
const pools: Pool[] = [];

beforeEach(async () => {
  database = await freshDatabase();
});

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  await database[Symbol.asyncDispose]();
});

/** A worker of its own, with as many connections as it likes. */
function worker(ceiling: number) {
  const slots = new SourceSlots(ceiling);
  const pool = new Pool({ connectionString: database.url, max: 20 });
  pool.on('error', () => undefined);
  pools.push(pool);
  /** Reads once it has a slot. */
  const read = (
    reading: () => Promise<unknown>,
    use: Partial<Parameters<typeof slots.use>[0]> = {},
  ) =>
    slots.use({ subject, ...use }, async (take) => {
      const client = await pool.connect();
      try {
        await client.query('begin isolation level repeatable read, read only');
        if (!(await take(client))) return undefined;
        await reading();
        return true;
      } finally {
        await client.query('rollback').catch(() => undefined);
        client.release();
      }
    });
  return { slots, read };
}

describe('slots of the source', () => {
  it('are never more than configured, over all workers', async () => {
    const workers = [worker(3), worker(3), worker(3)];
    let [inFlight, most] = [0, 0];
    const reading = async () => {
      most = Math.max(most, ++inFlight);
      await database.query('select pg_sleep(0.02)');
      inFlight--;
    };
    await Promise.all(
      workers.flatMap(({ read }) => Array.from({ length: 8 }, () => read(reading))),
    );
    expect(most).toBe(3);
  });

  it('are fewer for all when workers are told so, and the look counts them', async () => {
    const [one, other] = [worker(8), worker(8)];
    const source = openPool({ url: database.url, role: 'source', maxConnections: 1 });
    for (const { slots } of [one, other])
      slots.allow({ slots: 2, calmLooks: 0, strain: undefined });
    const counts: number[] = [];
    const reading = async () => {
      counts.push((await lookAtSource(source, limits, never)).health.inFlight);
    };
    await Promise.all(
      [one, other].flatMap(({ read }) => [read(reading), read(reading), read(reading)]),
    );
    expect(Math.max(...counts)).toBe(2);
    expect((await lookAtSource(source, limits, never)).health.inFlight).toBe(0);
    await closePool(source);
  });

  it('are free again when a connection dies', async () => {
    const dying = new Client({ connectionString: database.url });
    dying.on('error', () => undefined);
    await dying.connect();
    const { slots } = worker(1);
    const { rows } = await dying.query<{ pid: number }>('select pg_backend_pid() as pid');
    await dying.query('begin');
    await slots.use({ subject }, async (take) => (await take(dying)) || undefined);
    const { read } = worker(1);
    const waiting = read(async () => undefined);
    await database.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
    expect(await waiting).toBe(true);
  });

  it('are waited for also where memory is cleared meanwhile', async () => {
    const [holder, { read }] = [worker(1), worker(1)];
    const gate = new Gate();
    const holding = holder.read(() => gate.pass(never));
    await gate.reachedBy(1);
    const onWait = vi.fn(collectGarbage);
    const waiting = read(async () => undefined, { signal: never, onWait });
    const clearing = setInterval(collectGarbage, 20);
    await expect.poll(() => onWait.mock.calls.length, { timeout: 20_000 }).toBeGreaterThan(3);
    clearInterval(clearing);
    gate.open();
    expect(await waiting).toBe(true);
    await holding;
  });

  it('says how many are taken when it has waited long enough', async () => {
    const { read } = worker(1);
    const gate = new Gate();
    const holding = read(() => gate.pass(never));
    await gate.reachedBy(1);
    await expect(read(async () => undefined, { withinMs: 1 })).rejects.toMatchObject({
      code: 'source-slots-taken',
      kind: 'transient',
      message: expect.stringMatching(/^IMO9976903: none of 1 slots of the source was free in \d s/),
    });
    gate.open();
    await holding;
  });

  it('are not waited for any more once the attempt is over', async () => {
    const { read } = worker(1);
    const gate = new Gate();
    const holding = read(() => gate.pass(never));
    await gate.reachedBy(1);
    const over = new AbortController();
    const use = { signal: over.signal };
    const waiting = Promise.allSettled([0, 1].map(() => read(async () => undefined, use)));
    over.abort(new Error('over'));
    expect(await waiting).toMatchObject([0, 1].map(() => ({ reason: { message: 'over' } })));
    gate.open();
    await holding;
    expect(await read(async () => undefined)).toBe(true);
  });
});
