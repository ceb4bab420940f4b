import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { ErrorCode } from '../../domain/errors.ts';
import {
  cell,
  copy,
  insertCells,
  interrupt,
  migrationLab,
  planAndPrepare,
  second,
  waitForLock,
  WIDE,
  wideCells,
  narrowCells,
  type MigrationLab,
} from '../migration-databases.ts';
import {
  failingMigration,
  type FailingMigration,
  type FailingOptions,
} from './failing-migration.ts';

interface Case {
  code: ErrorCode;
  reason: RegExp;
  options?: FailingOptions;
  fault: (migration: FailingMigration) => Promise<unknown>;
  remedy: (migration: FailingMigration) => Promise<unknown>;
}

/** Somebody who holds the wide table, and what is done to who waits for it. */
const stranger = (deed?: (lab: MigrationLab, waiting: string) => Promise<unknown>) => {
  let release = async (): Promise<void> => undefined;
  return {
    fault: async ({ lab }: FailingMigration) => {
      const client = await lab.targetDatabase.pool.connect();
      await client.query(`begin; lock table ${WIDE} in access exclusive mode`);
      release = async () => {
        await client.query('rollback');
        client.release();
      };
      if (deed) void waitForLock(lab).then(() => deed(lab, WAITING));
    },
    remedy: () => release(),
  };
};

const WAITING = `select pid from pg_stat_activity where wait_event_type = 'Lock'
  and application_name like 'fairlead/%' and datname = current_database()`;

const once = { waits: { retryAttempts: 1, transientWaitMs: [1_000, 1_000] as [number, number] } };

const faults: Record<string, Case> = {
  'too many are connected': {
    code: 'database-busy',
    reason: /too many connections for role .*\(53300\)/,
    fault: async ({ lab, writer, endSessionsOf }) => {
      await lab.targetDatabase.query(`alter role ${writer} connection limit 0`);
      await endSessionsOf(writer);
    },
    remedy: ({ lab, writer }) =>
      lab.targetDatabase.query(`alter role ${writer} connection limit -1`),
  },
  'a stranger holds the wide table': {
    code: 'database-busy',
    reason: /lock timeout \(55P03\)/,
    options: { timing: { lockTimeoutMs: 300 } },
    ...stranger(),
  },
  'somebody cancels the statement': {
    code: 'statement-cancelled',
    reason: /due to user request \(57014\)/,
    options: once,
    ...stranger((lab, waiting) =>
      lab.targetDatabase.query(`select pg_cancel_backend(pid) from (${waiting}) as waiting`),
    ),
  },
  'an administrator ends the session': {
    code: 'connection-lost',
    reason: /due to administrator command \(57P01\)/,
    options: once,
    ...stranger((lab, waiting) =>
      lab.targetDatabase.query(`select pg_terminate_backend(pid) from (${waiting}) as waiting`),
    ),
  },
};

it.each(Object.entries(faults))(
  'where %s, the ship waits in sight, and goes on by itself',
  async (_, { code, reason, options, fault, remedy }) => {
    await using migration = await failingMigration(options);
    migration.before(2, () => fault(migration));
    await migration.start();
    const waiting = await migration.waitsFor(code);
    expect(waiting).toMatchObject({ kind: 'transient', reason: expect.stringMatching(reason) });
    await remedy(migration);
    expect(await migration.report()).toMatchObject({
      verified: true,
      chunks: { done: 4, failed: 0, split: 0 },
    });
  },
);

it.each([
  ['does not heartbeat', { heartbeatTimeoutMs: 400 }, 'HEARTBEAT'],
  ['is silent for the whole time of a chunk', { chunkTimeoutMs: 400 }, 'START_TO_CLOSE'],
])('a worker that %s is lost, and its chunk is not split', async (_, waits, timeout) => {
  await using migration = await failingMigration({ waits: { ...waits, retryAttempts: 1 } });
  // What it does later, it does beside the next attempt.
  migration.before(2, () => sleep(1_500));
  await migration.start();
  expect(await migration.waitsFor('worker-lost')).toMatchObject({
    kind: 'transient',
    reason: `no answer from the worker (${timeout})`,
    hint: expect.stringContaining('another worker goes on'),
  });
  expect(await migration.report()).toMatchObject({
    verified: true,
    chunks: { done: 4, split: 0, failed: 0 },
  });
});

async function labWithCells(options: FailingOptions = {}): Promise<MigrationLab> {
  const lab = await migrationLab(options);
  await insertCells(lab, [
    cell('Decimal', '/a', second(0), 1),
    cell('Decimal', '/a', second(15), 2),
  ]);
  return lab;
}

/** The attempt fails as it should, and the next one has everything. */
async function expectPassing(
  lab: MigrationLab,
  state: string,
  spoil: () => void,
  release: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const plan = await planAndPrepare(lab);
  spoil();
  await expect(copy(lab, plan)).rejects.toMatchObject({
    kind: 'transient',
    message: expect.stringContaining(`(${state})`),
  });
  await release();
  expect(await wideCells(lab)).toEqual([]);
  await copy(lab, plan);
  expect(await wideCells(lab)).toEqual(await narrowCells(lab));
}

it('a deadlock ends the attempt, and nothing is left of it', async () => {
  await using lab = await labWithCells();
  const other = await lab.targetDatabase.pool.connect();
  let theirs: Promise<unknown> | undefined;
  const spoil = () =>
    interrupt(lab.target, 'after', /for update/, async () => {
      await other.query(`begin; lock table ${WIDE} in access exclusive mode`);
      // Looks for a deadlock later than the attempt does, so that it is not the one that is ended.
      await other.query(`set local deadlock_timeout = '30s'`);
      theirs = other.query('select from fairlead.chunk for update');
    });
  await expectPassing(lab, '40P01', spoil, async () => {
    await theirs;
    await other.query('rollback');
    other.release();
  });
});

it('a serialization failure ends the attempt, and nothing is left of it', async () => {
  await using lab = await labWithCells();
  await lab.targetDatabase.query(
    `alter database ${lab.targetDatabase.name} set default_transaction_isolation = 'repeatable read'`,
  );
  await expectPassing(lab, '40001', () =>
    interrupt(lab.target, 'after', /pg_advisory_xact_lock\(hashtext\(/, async () => {
      await lab.targetDatabase.query('update fairlead.chunk set updated_at = clock_timestamp()');
    }),
  );
});

it('a transaction in which we do nothing is ended by the server, and tried again', async () => {
  await using lab = await labWithCells({ timing: { idleInTransactionTimeoutMs: 200 } });
  await expectPassing(lab, '25P03', () =>
    interrupt(lab.target, 'after', /for update/, () => sleep(600)),
  );
});
