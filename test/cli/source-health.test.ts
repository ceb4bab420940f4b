import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownServer, type OwnServer } from '../failures/own-server.ts';
import { sumOf } from '../watching/exposition.ts';
import { scrapeOf } from '../watching/stumbling-migration.ts';
import { commandWorld, type CommandWorld, type WorldWorker } from './command-world.ts';

const SHIP = 'IMO9976903';
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00', '--width', '1m'];
const CEILING = 4;

let server: OwnServer;
let world: CommandWorld;
let worker: WorldWorker;

beforeAll(async () => {
  server = await ownServer();
  world = await commandWorld({
    sourceUrl: () => server.database.url,
    source: `chunksInFlight = ${CEILING}\nmaxActive = 3\nmaxLatency = "1m"\nlookEvery = "100ms"\n`,
  });
  await server.database.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v)
     select '${SHIP}', '/a', timestamp '2025-06-15' + n * interval '15 s', 'Decimal', n from generate_series(0, 1439) n`,
  );
  worker = await world.startWorker();
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** Others, at work in the source. */
async function makeBusy(connections: number): Promise<() => Promise<void>> {
  const clients = Array.from(
    { length: connections },
    () => new Client({ connectionString: server.database.url }),
  );
  for (const client of clients) {
    client.on('error', () => undefined);
    await client.connect();
    client.query('select pg_sleep(600)').catch(() => undefined);
  }
  return async () => {
    await server.database.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where query = 'select pg_sleep(600)'`,
    );
  };
}

const allowedNow = async (): Promise<number> =>
  sumOf(await scrapeOf(worker), 'fairlead_source_slots_allowed');

describe.sequential('a source at which others are busy', () => {
  let rest: () => Promise<void>;

  it('is allowed fewer chunks, and metrics, log and status say why', async () => {
    rest = await makeBusy(5);
    const { exitCode } = await world.fairlead(
      'migrate',
      SHIP,
      ...RANGE,
      '--window',
      '8',
      '--no-wait',
    );
    expect(exitCode).toBe(0);
    await expect.poll(allowedNow, { timeout: 20_000 }).toBe(1);
    expect(sumOf(await scrapeOf(worker), 'fairlead_source_spared', { cause: 'active' })).toBe(1);
    const lowered = worker
      .log()
      .split('\n')
      .find((line) => line.includes('source allowance lowered'));
    expect(JSON.parse(lowered!)).toMatchObject({
      before: CEILING,
      ceiling: CEILING,
      cause: 'active',
      found: 5,
      limit: 3,
    });
    const status = async () => (await world.fairlead('status', SHIP, '--json')).stdout;
    await expect
      .poll(status, { timeout: 20_000 })
      .toContain('"source":{"slots":1,"ceiling":4,"cause":"active","found":5,"limit":3}');
    const { stderr } = await world.fairlead('status', SHIP);
    expect(stderr).toContain(
      'the source is spared: 1 of 4 chunks allowed in flight, since others had 5 active connections (maxActive 3)',
    );
  });

  it('is allowed more again once they are gone', async () => {
    await rest();
    while ((await allowedNow()) < CEILING) await sleep(100);
    expect(worker.log()).toContain('source allowance raised');
    expect((await world.fairlead('migrate', SHIP, ...RANGE)).exitCode).toBe(0);
    expect((await world.fairlead('status', SHIP, '--json')).stdout).not.toContain('"source"');
  });
});
