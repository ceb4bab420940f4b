import { chownSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { expect, inject, it } from 'vitest';
import type { ErrorCode } from '../../domain/errors.ts';
import { postgresAccount } from '../../workers/stack/postgres-account.ts';
import { smallDisk, whyNoDisks } from '../activities/sensor/recording/small-disk.ts';
import { WIDE } from '../migration-databases.ts';
import { failingMigration, type FailingMigration } from './failing-migration.ts';

interface Case {
  code: ErrorCode;
  hint: string;
  /** What somebody does while it runs, and what the operator does about it. */
  fault: (migration: FailingMigration) => Promise<unknown>;
  remedy: (migration: FailingMigration) => Promise<unknown>;
}

const faults: Record<string, Case> = {
  'a password is changed': {
    code: 'login-refused',
    hint: 'check user and password in [target] url, or FAIRLEAD_TARGET_URL, and pg_hba.conf',
    fault: async ({ lab, writer, endSessionsOf }) => {
      await lab.targetDatabase.query(`alter role ${writer} password 'another'`);
      await endSessionsOf(writer);
    },
    remedy: ({ lab, writer }) => lab.targetDatabase.query(`alter role ${writer} password 'secret'`),
  },
  'the right to log in is withdrawn': {
    code: 'login-refused',
    hint: 'check user and password in [source] url, or FAIRLEAD_SOURCE_URL',
    fault: async ({ lab, reader, endSessionsOf }) => {
      await lab.sourceDatabase.query(`alter role ${reader} nologin`);
      await endSessionsOf(reader);
    },
    remedy: ({ lab, reader }) => lab.sourceDatabase.query(`alter role ${reader} login`),
  },
  'the target becomes read-only': {
    code: 'read-only',
    hint: 'or default_transaction_read_only is on (fairlead preflight tells where that comes from)',
    fault: ({ lab, writer, endSessionsOf }) =>
      setReadOnly(lab.targetDatabase.name, 'on').then(() => endSessionsOf(writer)),
    remedy: ({ lab, writer, endSessionsOf }) =>
      setReadOnly(lab.targetDatabase.name, 'off').then(() => endSessionsOf(writer)),
  },
  'the target gets another name': {
    code: 'database-absent',
    hint: 'check the name of the database in [target] url',
    fault: ({ lab }) => rename(lab.targetDatabase.name, `${lab.targetDatabase.name}_away`),
    remedy: ({ lab }) => rename(`${lab.targetDatabase.name}_away`, lab.targetDatabase.name),
  },
  'the source takes no connections': {
    code: 'database-absent',
    hint: 'Let the source database take connections again',
    fault: async ({ lab, reader, endSessionsOf }) => {
      await onServer(`alter database ${lab.sourceDatabase.name} allow_connections false`);
      await endSessionsOf(reader);
    },
    remedy: ({ lab }) =>
      onServer(`alter database ${lab.sourceDatabase.name} allow_connections true`),
  },
  'a right on the source is revoked': {
    code: 'permission-denied',
    hint: 'Grant what is missing to the role of the connection to the source database',
    fault: ({ lab, reader }) =>
      lab.sourceDatabase.query(`revoke select on tenant.tbl_data_timeseries from ${reader}`),
    remedy: ({ lab, reader }) =>
      lab.sourceDatabase.query(`grant select on tenant.tbl_data_timeseries to ${reader}`),
  },
  'a right on a wide table is revoked': {
    code: 'permission-denied',
    hint: 'Grant what is missing to the role of the connection to the target database',
    fault: ({ lab, writer }) => lab.targetDatabase.query(`revoke insert on ${WIDE} from ${writer}`),
    remedy: ({ lab, writer }) => lab.targetDatabase.query(`grant insert on ${WIDE} to ${writer}`),
  },
};

it.each(Object.entries(faults))(
  'where %s, the ship waits, says what to do, and goes on by itself',
  async (_, { code, hint, fault, remedy }) => {
    await using migration = await failingMigration();
    migration.before(2, () => fault(migration));
    await migration.start();
    await expectWaiting(migration, code, hint);
    await remedy(migration);
    expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
  },
);

it('waits for as long as it is told, or until it is resumed', async () => {
  const { code, hint, fault, remedy } = faults['a right on a wide table is revoked']!;
  await using migration = await failingMigration({
    waits: { operatorWaitMs: [3_600_000, 3_600_000] },
  });
  migration.before(2, () => fault(migration));
  await migration.start();
  await expectWaiting(migration, code, hint);
  await remedy(migration);
  await migration.resume();
  expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
});

it('takes a server that is read-only for one that fails over, at first', async () => {
  const { fault, remedy } = faults['the target becomes read-only']!;
  await using migration = await failingMigration({ waits: { failoverMs: 1_500 } });
  migration.before(2, () => fault(migration));
  await migration.start();
  await migration.waitsFor('read-only', 'transient');
  await migration.waitsFor('read-only', 'operator');
  await remedy(migration);
  expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
});

const whyNot = await whyNoDisks();

it.skipIf(whyNot)(
  `where the disk of the target is full, the ship waits, and goes on when there is room${whyNot ? `: ${whyNot}` : ''}`,
  async () => {
    await using disk = await smallDisk(8);
    await using migration = await failingMigration({ minutesBetweenCells: 1 });
    const { lab } = migration;
    const space = `space_${lab.targetDatabase.name}`;
    const filler = join(disk.path, 'filler');
    migration.before(2, async () => {
      const folder = join(disk.path, 'space');
      mkdirSync(folder, 0o700);
      const account = await postgresAccount();
      if (account) chownSync(folder, account.uid, account.gid);
      await lab.targetDatabase.query(`create tablespace ${space} location '${folder}'`);
      await lab.targetDatabase.query(`alter table ${WIDE} set tablespace ${space}`);
      fill(filler);
    });
    await migration.start();
    const hint = 'Make room on the server of the target database; the migration goes on by itself.';
    await expectWaiting(migration, 'disk-full', hint);
    rmSync(filler);
    expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 4 } });
    await lab.targetDatabase.query(`alter table ${WIDE} set tablespace pg_default`);
    await lab.targetDatabase.query(`drop tablespace ${space}`);
  },
);

/** In the answer to the query, in the details, and in the search attribute. */
async function expectWaiting(migration: FailingMigration, code: ErrorCode, hint: string) {
  const waiting = await migration.waitsFor(code);
  expect(waiting).toMatchObject({ kind: 'operator', hint: expect.stringContaining(hint) });
  await expect
    .poll(() => migration.shown(), { timeout: 10_000 })
    .toMatchObject({
      phase: 'waiting',
      details: expect.stringContaining(`**What to do:** ${waiting.hint}`),
    });
  expect(waiting.subject).toBe('2025-06-15 02:00 → 04:00');
}

async function onServer(...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: inject('postgresUrls')[18] });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

const setReadOnly = (database: string, value: 'on' | 'off') =>
  onServer(`alter database ${database} set default_transaction_read_only = ${value}`);

/** A database with sessions cannot be renamed. */
const rename = (from: string, to: string) =>
  onServer(
    `alter database ${from} allow_connections false`,
    `select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = '${from}'`,
    `alter database ${from} rename to ${to}`,
    `alter database ${to} allow_connections true`,
  );

/** Writes until not a byte more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(4_096));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    closeSync(file);
  }
}
