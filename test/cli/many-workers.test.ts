import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SLOT_CLASS } from '../../activities/postgres/source-slots.ts';
import { testTemporal, type TestTemporal } from '../temporal.ts';
import { commandWorld, type CommandWorld, type WorldWorker } from './command-world.ts';
import { fillSixHours } from './fill-six-hours.ts';

const SHIPS = ['IMO9976903', 'IMO9976915', 'IMO9976927'];
const [FIRST, LATE, LAST] = SHIPS as [string, string, string];
const RANGE = ['--from', '2025-06-15', '--to', '2025-06-15T06:00', '--width', '3m'];
const CHUNKS = 120;
/** Less than three workers have slots for. */
const IN_FLIGHT = 3;
const JOINS_WITHIN_MS = 10_000;
const GIVES_BACK_WITHIN_MS = 30_000;

let world: CommandWorld;
let temporal: TestTemporal;
let sampler: ReturnType<typeof sampleInFlight>;
const workers: WorldWorker[] = [];
const fairlead = (...words: string[]) => world.fairlead(...words);

beforeAll(async () => {
  temporal = await testTemporal();
  world = await commandWorld({
    configuration: '[worker]\nchunkSlots = 2\n',
    source: `chunksInFlight = ${IN_FLIGHT}\n`,
  });
  sampler = sampleInFlight();
  for (const ship of SHIPS) await fillSixHours(world, ship);
  workers.push(await world.startWorker());
});

afterAll(async () => {
  await sampler.most();
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  await world[Symbol.asyncDispose]();
  await temporal[Symbol.asyncDispose]();
});

/** With more chunks in the queue than all workers have slots for. */
async function begin(ship: string): Promise<void> {
  const words = ['migrate', ship, ...RANGE, '--window', '16', '--no-wait'];
  expect((await fairlead(...words)).exitCode).toBe(0);
}

/** The most chunks that were seen to be read at once, until it is asked. */
function sampleInFlight(): { most: () => Promise<number> } {
  const counts: number[] = [];
  const over = new AbortController();
  const sampling = (async () => {
    while (!over.signal.aborted) {
      const { rows } = await world.database.query(
        `select count(*)::int as held from pg_locks where locktype = 'advisory' and classid = ${SLOT_CLASS}
            and database = (select oid from pg_database where datname = current_database())`,
      );
      counts.push(Number(rows[0]!['held']));
      await sleep(10);
    }
  })();
  return {
    most: async () => {
      over.abort();
      await sampling;
      return Math.max(...counts);
    },
  };
}

const countDone = async (ship: string): Promise<number> => {
  const sql = `select count(*)::int as done from ${world.ledger}.chunk where ship_id = '${ship}' and status = 'done'`;
  return Number((await world.database.query(sql)).rows[0]!['done']);
};

async function lockNarrowTable(): Promise<() => Promise<void>> {
  const client = new Client({ connectionString: world.database.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('begin; lock table tenant.tbl_data_timeseries in access exclusive mode');
  return () => client.end();
}

/** Chunks that cannot be read, because the narrow table is locked. */
const countWaiting = async (): Promise<number> => {
  const sql = `select count(distinct pid)::int as waiting from pg_locks join pg_stat_activity using (pid)
                where not granted and relation = 'tenant.tbl_data_timeseries'::regclass
                  and application_name like 'fairlead/IMO%'`;
  return Number((await world.database.query(sql)).rows[0]!['waiting']);
};

/** When each chunk that is settled was taken, and by which process. */
async function takenChunks(ship: string): Promise<{ pid: number; atMs: number }[]> {
  const handle = temporal.client.workflow.getHandle(world.names.migrateShip(ship));
  const { events } = await handle.fetchHistory();
  const queueOf = new Map(
    events?.map((event) => [
      Number(event.eventId),
      event.activityTaskScheduledEventAttributes?.taskQueue?.name,
    ]),
  );
  return (events ?? []).flatMap(({ activityTaskStartedEventAttributes: started, eventTime }) =>
    queueOf.get(Number(started?.scheduledEventId)) === world.names.chunkTaskQueue
      ? [{ pid: Number.parseInt(started!.identity!), atMs: Number(eventTime!.seconds) * 1_000 }]
      : [],
  );
}

describe.sequential('many workers', () => {
  it('share the chunks of one ship within seconds after one has joined', async () => {
    await begin(FIRST);
    await expect.poll(() => countDone(FIRST), { timeout: 30_000 }).toBeGreaterThan(2);
    const joined = await world.startWorker();
    workers.push(joined);
    const joinedAtMs = Date.now();
    const firstOfIts = async () =>
      (await takenChunks(FIRST)).find(({ pid }) => pid === joined.pid)?.atMs;
    await expect.poll(firstOfIts, { timeout: 30_000 }).toBeDefined();
    expect((await firstOfIts())! - joinedAtMs).toBeLessThan(JOINS_WITHIN_MS);
    expect(await countDone(FIRST)).toBeLessThan(CHUNKS);
  });

  it('take turns with a ship that comes late', async () => {
    const before = await countDone(FIRST);
    await begin(LATE);
    await expect.poll(() => countDone(LATE), { timeout: 30_000 }).toBeGreaterThan(9);
    expect(before).toBeLessThan(CHUNKS);
    const { rows } = await world.database.query(
      `select ship_id from ${world.ledger}.chunk where status = 'done' and committed_at >=
         (select min(committed_at) from ${world.ledger}.chunk where ship_id = '${LATE}') order by committed_at limit 20`,
    );
    const late = rows.filter(({ ship_id }) => ship_id === LATE).length;
    // The first ship's window was full when the late one came.
    expect(late).toBeGreaterThanOrEqual(5);
  });

  it('give back what they cannot end, when they are told to stop', async () => {
    workers.push(await world.startWorker());
    const [leaving] = workers.splice(1, 1);
    await begin(LAST);
    await expect.poll(() => countDone(LAST), { timeout: 60_000 }).toBeGreaterThan(2);
    const unlock = await lockNarrowTable();
    await expect.poll(countWaiting, { timeout: 20_000 }).toBe(IN_FLIGHT);
    const toldAtMs = Date.now();
    leaving!.kill('SIGTERM');
    const { exitCode } = await leaving!.ended;
    expect(Date.now() - toldAtMs).toBeLessThan(GIVES_BACK_WITHIN_MS);
    expect(exitCode).toBe(0);
    await unlock();
    for (const ship of SHIPS) {
      const { json } = await fairlead('migrate', ship, ...RANGE, '--json');
      expect(json().ships).toMatchObject([
        { verified: true, chunks: { done: CHUNKS, failed: 0, split: 0 } },
      ]);
    }
    expect(await sampler.most()).toBe(IN_FLIGHT);
  }, 180_000);
});
