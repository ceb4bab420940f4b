/*
 * A path that drops every packet: root on Linux only. Every bound is a tenth of what it is in operation, and with
 * SLOW_TESTS=1 what it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'vitest';
import type { MigrationDatabases } from '../../../activities/postgres/migration-databases.ts';
import {
  DEFAULT_CONNECTION_TIMING,
  type ConnectionTiming,
} from '../../../domain/connection-timing.ts';
import type { FairleadError } from '../../../domain/errors.ts';
import type { ChunkProof, ShipPlan } from '../../../domain/migration.ts';
import {
  WIDE,
  cell,
  copy,
  insertCells,
  interrupt,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  second,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';
import { whyNoNetworks } from '../../network-namespace.ts';
import { startDistantPostgres } from './distant-postgres.ts';

const missing = await whyNoNetworks();
if (missing)
  console.warn(`skipped: tests with networks of their own need root on Linux (${missing})`);

const SCALE = process.env['SLOW_TESTS'] ? 1 : 0.1;
const NOTICED_WITHIN_MS = 90_000 * SCALE;
const STALL_MS = 60_000 * SCALE;
/** Interval and idle time are whole seconds for the kernel. */
const timing: ConnectionTiming = {
  ...DEFAULT_CONNECTION_TIMING,
  keepaliveIdleMs: 30_000 * SCALE,
  keepaliveIntervalMs: 10_000 * SCALE,
};

/** Who is to notice: the kernel alone, or the watchdog before it. */
const observers = { kernel: 3_600_000, watchdog: STALL_MS };
type Observer = keyof typeof observers;

/** How an attempt is brought to the moment at which the path dies. */
interface Scene {
  what: string;
  /** Runs before the attempt; the attempt works with what it returns. */
  set: (lab: MigrationLab, moment: Moment) => Promise<MigrationDatabases>;
  /** Resolves when the moment has come. */
  comes: (lab: MigrationLab) => Promise<void>;
  code: string;
  /** Whether the dead attempt had committed. */
  isCommitted: boolean;
}

/** For an attempt, or its server, that waits in the middle of something until the path is dead. */
class Moment {
  private hasCome = false;
  private isDead = false;
  private readonly onPassed: (() => Promise<void>)[] = [];

  async come(): Promise<void> {
    this.hasCome = true;
    while (!this.isDead) await sleep(10);
  }

  async wait(): Promise<void> {
    while (!this.hasCome) await sleep(10);
  }

  whenPassed(action: () => Promise<void>): void {
    this.onPassed.push(action);
  }

  async pass(): Promise<void> {
    this.isDead = true;
    for (const action of this.onPassed) await action();
  }
}

async function waitForBackends({ sourceDatabase }: MigrationLab, sql: string, count = 1) {
  const working = `select from pg_stat_activity
    where application_name like 'fairlead/%' and datname = current_database() and ${sql}`;
  while ((await sourceDatabase.query(working)).rows.length < count) await sleep(10);
}

const LOCK = 4711;

const triggered = (action: string) => `
  create or replace function wait() returns trigger language plpgsql as
    'begin perform ${action}; return new; end'`;

/** Makes a trigger function `wait` for what the server is to begin only when the path is dead. */
async function waitOnServer({ targetDatabase }: MigrationLab, moment: Moment): Promise<void> {
  await targetDatabase.query(triggered(`pg_advisory_xact_lock(${LOCK})`));
  const holder = await targetDatabase.pool.connect();
  await holder.query(`select pg_advisory_lock(${LOCK})`);
  moment.whenPassed(async () => {
    await holder.query(`select pg_advisory_unlock(${LOCK})`);
    holder.release();
  });
}

const scenes: Scene[] = [
  {
    what: 'while it waits for rows',
    set: async (lab) => {
      await lab.sourceDatabase.query(
        `create view tenant.slow as select * from tenant.tbl_data_timeseries
          where pg_sleep(case when current_query() ilike '%copy (%' then 600 else 0 end)::text = ''`,
      );
      return { ...lab, sourceTable: { schema: 'tenant', name: 'slow' } };
    },
    comes: (lab) => waitForBackends(lab, `wait_event = 'PgSleep'`, 2),
    code: 'connection-lost',
    isCommitted: false,
  },
  {
    what: 'while it writes',
    set: async (lab, moment) => {
      await waitOnServer(lab, moment);
      await lab.targetDatabase.query(
        `create trigger wait before insert on ${WIDE} for each row execute function wait()`,
      );
      return lab;
    },
    comes: (lab) => waitForBackends(lab, `wait_event_type = 'Lock' and query ilike 'copy %'`),
    code: 'connection-lost',
    isCommitted: false,
  },
  {
    what: 'before COMMIT gets through',
    set: async (lab, moment) => {
      interrupt(lab.target, 'before', /^commit$/, () => moment.come());
      return lab;
    },
    comes: () => Promise.resolve(),
    code: 'commit-unknown',
    isCommitted: false,
  },
  {
    what: 'before COMMIT is answered',
    set: async (lab, moment) => {
      await waitOnServer(lab, moment);
      await lab.targetDatabase.query(
        `create constraint trigger wait after update on fairlead.chunk deferrable initially deferred
          for each row when (new.status = 'done') execute function wait()`,
      );
      return lab;
    },
    comes: (lab) => waitForBackends(lab, `wait_event_type = 'Lock' and query = 'commit'`),
    code: 'commit-unknown',
    isCommitted: true,
  },
];

/** In both halves of the chunk, and more than the buffers of both kernels hold: what is written cannot all be on its way. */
const insertRows = (lab: MigrationLab) =>
  insertCells(
    lab,
    Array.from({ length: 120 }, (_, row) =>
      cell('String', '/a', second(row * 59), `${row} ${'x'.repeat(200_000)}`),
    ),
  );

interface Attempt {
  lab: MigrationLab;
  plan: ShipPlan;
  moment: Moment;
  failure: Promise<{ error: FairleadError; at: number }>;
}

async function begin(scene: Scene, lab: MigrationLab, observer: Observer): Promise<Attempt> {
  await insertRows(lab);
  const plan = await planAndPrepare(lab);
  const moment = new Moment();
  const databases = await scene.set(lab, moment);
  const failure = copy({ ...databases, stallMs: observers[observer] }, plan).then(
    () => Promise.reject(new Error('the attempt was to fail')),
    (error: FairleadError) => ({ error, at: performance.now() }),
  );
  failure.catch(() => {});
  await scene.comes(lab);
  if (scene.code === 'commit-unknown' && !scene.isCommitted) await moment.wait();
  return { lab, plan, moment, failure };
}

/** As Temporal does it: again, after what passes by itself. */
async function copyAgain({ lab, plan }: Attempt): Promise<ChunkProof> {
  await lab.targetDatabase.query(triggered('1'));
  for (let attempt = 1; ; attempt++) {
    try {
      return await copy(lab, plan);
    } catch (error) {
      if ((error as FairleadError).kind !== 'transient' || attempt === 5) throw error;
    }
  }
}

describe.skipIf(missing).concurrent('a path that drops every packet', () => {
  it.for(scenes)(
    'to a chunk $what is noticed in time, and the chunk is done again',
    { timeout: 120_000 + 120_000 * SCALE },
    async (scene, { expect }) => {
      await using server = await startDistantPostgres();
      const open = async (observer: Observer) => {
        const database = await server.createDatabase(observer);
        return migrationLab({ database, timing });
      };
      await using byKernel = await open('kernel');
      await using byWatchdog = await open('watchdog');
      const attempts = await Promise.all([
        begin(scene, byKernel, 'kernel'),
        begin(scene, byWatchdog, 'watchdog'),
      ]);
      await server.host.setForwarding(false);
      const deadAt = performance.now();
      for (const { moment } of attempts) await moment.pass();
      for (const { failure } of attempts) {
        const { error, at } = await failure;
        expect(error).toMatchObject({ code: scene.code });
        expect(at - deadAt).toBeLessThan(NOTICED_WITHIN_MS);
        // Silence is counted from the last byte, which on a busy machine came some time before.
        expect(at - deadAt).toBeGreaterThan(STALL_MS * 0.5);
      }
      for (const { lab } of attempts)
        expect(await wideCells(lab)).toHaveLength(scene.isCommitted ? 120 : 0);
      await server.host.setForwarding(true);
      for (const attempt of attempts) {
        const proof = await copyAgain(attempt);
        expect(proof).toMatchObject({ status: 'done', provenBefore: scene.isCommitted });
        expect(await ledger(attempt.lab)).toEqual(['02:00 04:00 done written=120']);
        expect(await wideCells(attempt.lab)).toEqual(await narrowCells(attempt.lab));
      }
    },
  );
});
