import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  MAJORS,
  WIDE,
  cell,
  copy,
  insertCells,
  interrupt,
  kill,
  ledger,
  migrationLab,
  planAndPrepare,
  quarantined,
  quietRun,
  second,
  waitForLock,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';
import { expectFiveCells, insertFiveCells } from './five-cells.ts';

async function expectNothing(lab: MigrationLab): Promise<void> {
  expect(await wideCells(lab)).toEqual([]);
  expect(await quarantined(lab)).toEqual([]);
  expect(await ledger(lab)).toEqual(['02:00 04:00 running written=0']);
}

/** The migration's sessions that are still at something. */
async function busySessions({ targetDatabase }: MigrationLab): Promise<string[]> {
  const { rows } = await targetDatabase.query<{ name: string }>(
    `select application_name as name from pg_stat_activity
      where application_name like 'fairlead/%' and state <> 'idle' and datname = current_database()`,
  );
  return rows.map(({ name }) => name);
}

async function waitUntilQuiet(lab: MigrationLab): Promise<void> {
  while ((await busySessions(lab)).length > 0);
}

describe.each(MAJORS)('an attempt on PostgreSQL %i', (major) => {
  it.each([
    ['in the claim', 'before', /insert into fairlead.chunk/],
    ['while it reads', 'after', /^explain/],
    ['before it locks', 'before', /pg_advisory_xact_lock\(hashtext\(/],
    ['when it holds the lock', 'after', /for update/],
    ['when the rows are written', 'after', /delete from fairlead.quarantine/],
    ['before the ledger row', 'before', /set status = 'superseded'/],
  ] as const)('whose backend is ended %s leaves nothing behind', async (_when, side, statement) => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const pool = /explain/.test(statement.source) ? lab.source : lab.target;
    interrupt(pool, side, statement, kill(lab));
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'connection-lost',
      kind: 'transient',
    });
    expect(await wideCells(lab)).toEqual([]);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectFiveCells(lab);
  });

  it('whose COMMIT happened, but was not answered, is found in the ledger by the next one', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    interrupt(lab.target, 'after', /^commit$/, () =>
      Promise.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })),
    );
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'commit-unknown',
      kind: 'outcome-unknown',
    });
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: true, cells: { written: 4 } });
    await expectFiveCells(lab);
  });

  it('whose COMMIT did not happen, and was not answered, is done again by the next one', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    interrupt(lab.target, 'before', /^commit$/, kill(lab));
    await expect(copy(lab, plan)).rejects.toMatchObject({ code: 'commit-unknown' });
    await expectNothing(lab);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectFiveCells(lab);
  });

  it('that a newer one has overtaken may not write', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    interrupt(lab.source, 'after', /^explain/, async () => {
      await lab.targetDatabase.query('update fairlead.chunk set attempts = attempts + 1');
    });
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'attempt-superseded',
      kind: 'transient',
      message: expect.stringContaining('this is attempt 1, and attempt 2 holds the chunk'),
    });
    await expectNothing(lab);
  });

  it('ends an older one that hangs with the locks in its hands', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const goOn = new EventEmitter();
    const hangs = once(goOn, 'hangs');
    interrupt(lab.target, 'after', /delete from fairlead.quarantine/, async () => {
      goOn.emit('hangs');
      await once(goOn, 'on');
    });
    const older = expect(copy(lab, plan)).rejects.toMatchObject({ kind: 'transient' });
    await hangs;
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    goOn.emit('on');
    await older;
    await expectFiveCells(lab);
  });

  it('does not end those of another ship whose id looks alike', async () => {
    const [one, other] = ['船-1', '舟-1'];
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab, one);
    await insertFiveCells(lab, other);
    const plans = [
      await planAndPrepare(lab, { ship: one }),
      await planAndPrepare(lab, { ship: other }),
    ];
    interrupt(lab.source, 'after', /^explain/, async () => {
      await copy(lab, plans[1]!);
    });
    expect(await copy(lab, plans[0]!)).toMatchObject({ status: 'done' });
    expect(await wideCells(lab, one)).toEqual(await wideCells(lab, other));
  });

  it('that is cancelled while it waits ends at once, with the reason, and holds nothing', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query(`begin; lock table ${WIDE} in access exclusive mode`);
    const cancel = new AbortController();
    const reason = new Error('cancelled by a person');
    const copying = copy(lab, plan, { run: { ...quietRun(), signal: cancel.signal } });
    const ended = expect(copying).rejects.toBe(reason);
    await waitForLock(lab);
    cancel.abort(reason);
    await ended;
    await stranger.query('rollback');
    stranger.release();
    await waitUntilQuiet(lab);
    await expectNothing(lab);
  });

  it('that hears nothing from a server that is not at work stalls', async () => {
    await using lab = await migrationLab({ major, stallMs: 1_000 });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const stranger = await lab.targetDatabase.pool.connect();
    await stranger.query('begin; lock table tenant.tbl_data_timeseries in access exclusive mode');
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'connection-stalled',
      kind: 'transient',
      message: expect.stringMatching(/02:00 → 04:00: no byte for \d+ s in stage read/),
    });
    await stranger.query('rollback');
    stranger.release();
    expect(await copy(lab, plan)).toMatchObject({ status: 'done' });
  });

  it('is not taken for stalled while the source works', async () => {
    await using lab = await migrationLab({ major, stallMs: 500 });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowView(lab, 0.15);
    expect(await copy({ ...lab, sourceTable }, plan)).toMatchObject({ status: 'done' });
  });

  it('heartbeats its stages', async () => {
    await using lab = await migrationLab({ major, stallMs: 1_000 });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const stages = new Set<string>();
    const run = {
      ...quietRun(),
      heartbeat: ({ stage }: { stage: string }) => void stages.add(stage),
    };
    const sourceTable = await slowView(lab, 0.1);
    await copy({ ...lab, sourceTable }, plan, { run });
    expect([...stages]).toContain('read');
  });
});

/** The narrow table as a view that takes its time for each row. */
async function slowView({ sourceDatabase }: MigrationLab, seconds: number) {
  await sourceDatabase.query(
    `create view tenant.slow as select * from tenant.tbl_data_timeseries where pg_sleep(${seconds})::text = ''`,
  );
  return { schema: 'tenant', name: 'slow' };
}

describe.each(MAJORS)('a chunk that is too big on PostgreSQL %i', (major) => {
  it('for the statement_timeout of the source is told so', async () => {
    await using lab = await migrationLab({ major, timing: { statementTimeoutMs: 400 } });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowView(lab, 0.3);
    await expect(copy({ ...lab, sourceTable }, plan)).rejects.toMatchObject({
      code: 'statement-timeout',
      kind: 'too-big',
    });
  });

  it('for the statement_timeout of the target is told so, and leaves nothing', async () => {
    await using lab = await migrationLab({ major, timing: { statementTimeoutMs: 400 } });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    await lab.targetDatabase.query(`
      create function wait() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return new; end';
      create trigger wait before insert on ${WIDE} for each row execute function wait()`);
    await expect(copy(lab, plan)).rejects.toMatchObject({ kind: 'too-big' });
    await expectNothing(lab);
  });

  it('for the buffer is told so while it is read, and the buffer serves again', async () => {
    const text = 'x'.repeat(400_000);
    await using lab = await migrationLab({ major, maxBufferBytes: 1_100_000 });
    await insertCells(
      lab,
      [0, 1, 2, 3, 4, 5].map((row) => cell('String', '/a', second(row * 600), `${row}${text}`)),
    );
    const plan = await planAndPrepare(lab);
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'chunk-too-big',
      kind: 'too-big',
      hint: expect.stringContaining('maxBufferBytes'),
    });
    expect(await copy(lab, plan, { to: second(1_200) })).toMatchObject({ cells: { written: 2 } });
    expect(await wideCells(lab)).toHaveLength(2);
  });

  it('by the estimate of the planner is told so before it is read', async () => {
    await using lab = await migrationLab({ major, maxBufferBytes: 1_000 });
    await insertCells(
      lab,
      Array.from({ length: 2_000 }, (_, row) => cell('Decimal', '/a', second(row), row)),
    );
    await lab.sourceDatabase.query('analyze tenant.tbl_data_timeseries');
    const plan = await planAndPrepare(lab);
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'chunk-too-big',
      message: expect.stringMatching(/about \d+ cells in tenant.tbl_data_timeseries, room for 41/),
    });
  });
});

describe.each(MAJORS)('rights and places on PostgreSQL %i', (major) => {
  it('a role that may only read suffices for the source', async () => {
    const asReader = (url: string) => {
      const reader = new URL(url);
      reader.username = `reader_${reader.pathname.slice(1)}`;
      reader.password = 'secret';
      return reader.href;
    };
    await using lab = await migrationLab({ major, separate: true, sourceUrl: asReader });
    const role = `reader_${lab.sourceDatabase.name}`;
    await lab.sourceDatabase.query(`
      create role ${role} login password 'secret';
      alter role ${role} set default_transaction_read_only = on;
      grant usage on schema tenant to ${role};
      grant select on tenant.tbl_data_timeseries to ${role}`);
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    expect(await copy(lab, plan)).toMatchObject({ status: 'done' });
    await expectFiveCells(lab);
    await lab.sourceDatabase.query(`drop owned by ${role}`);
    await expect(copy(lab, { ...plan, redo: true, startedAt: 'infinity' })).rejects.toMatchObject({
      code: 'permission-denied',
      kind: 'operator',
    });
    await lab.sourceDatabase.query(`drop role ${role}`);
  });

  it('a target that is not the one of the plan is refused', async () => {
    await using lab = await migrationLab({ major });
    await insertFiveCells(lab);
    const plan = await planAndPrepare(lab);
    await expect(copy(lab, { ...plan, installation: 'another' })).rejects.toMatchObject({
      code: 'installation-differs',
      kind: 'operator',
    });
    expect(await ledger(lab)).toEqual([]);
    await using empty = await migrationLab({ major });
    await expect(copy({ ...lab, target: empty.target }, plan)).rejects.toMatchObject({
      code: 'installation-differs',
      message: expect.stringContaining('installation none'),
    });
  });
});
