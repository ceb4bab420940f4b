import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { planChunks } from '../../../activities/postgres/plan-chunks.ts';
import { settleAsFailed, splitChunk } from '../../../activities/postgres/settle-chunk.ts';
import { summarizeShip } from '../../../activities/postgres/summarize-ship.ts';
import {
  FROM,
  MAJORS,
  SHIP,
  TO,
  WIDE,
  cell,
  copy,
  insertCells,
  interrupt,
  kill,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quarantined,
  quietRun,
  second,
  waitForLock,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

/** Four cells: a number and a text, twice. */
const insertRows = (lab: MigrationLab, ship = SHIP) =>
  insertCells(lab, [
    cell('Decimal', '/a', second(0), 1, ship),
    cell('String', '/b', second(0), 'one', ship),
    cell('Decimal', '/a', second(15), 2, ship),
    cell('String', '/b', second(15), 'two', ship),
    { ship, channel: '/a', at: second(30), format: null, double: 3 },
  ]);

async function expectNothing(lab: MigrationLab): Promise<void> {
  expect(await wideCells(lab)).toEqual([]);
  expect(await quarantined(lab)).toEqual([]);
  expect(await ledger(lab)).toEqual(['02:00 04:00 running written=0']);
}

async function expectAll(lab: MigrationLab): Promise<void> {
  expect(await wideCells(lab)).toEqual(await narrowCells(lab, SHIP, 'value_format is not null'));
  expect(await quarantined(lab)).toEqual(['/a missing-format']);
  expect(await ledger(lab)).toEqual(['02:00 04:00 done written=4']);
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
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const pool = /explain/.test(statement.source) ? lab.source : lab.target;
    interrupt(pool, side, statement, kill(lab));
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'connection-lost',
      kind: 'transient',
    });
    expect(await wideCells(lab)).toEqual([]);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectAll(lab);
  });

  it('whose COMMIT happened, but was not answered, is found in the ledger by the next one', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    interrupt(lab.target, 'after', /^commit$/, () =>
      Promise.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })),
    );
    await expect(copy(lab, plan)).rejects.toMatchObject({
      code: 'commit-unknown',
      kind: 'outcome-unknown',
    });
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: true, cells: { written: 4 } });
    await expectAll(lab);
  });

  it('whose COMMIT did not happen, and was not answered, is done again by the next one', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    interrupt(lab.target, 'before', /^commit$/, kill(lab));
    await expect(copy(lab, plan)).rejects.toMatchObject({ code: 'commit-unknown' });
    await expectNothing(lab);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectAll(lab);
  });

  it('that a newer one has overtaken may not write', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
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
    await insertRows(lab);
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
    await expectAll(lab);
  });

  it('does not end those of another ship whose id looks alike', async () => {
    const [one, other] = ['船-1', '舟-1'];
    await using lab = await migrationLab({ major });
    await insertRows(lab, one);
    await insertRows(lab, other);
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
    await insertRows(lab);
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
    await insertRows(lab);
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
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowView(lab, 0.15);
    expect(await copy({ ...lab, sourceTable }, plan)).toMatchObject({ status: 'done' });
  });

  it('heartbeats its stages', async () => {
    await using lab = await migrationLab({ major, stallMs: 1_000 });
    await insertRows(lab);
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
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    const sourceTable = await slowView(lab, 0.3);
    await expect(copy({ ...lab, sourceTable }, plan)).rejects.toMatchObject({
      code: 'statement-timeout',
      kind: 'too-big',
    });
  });

  it('for the statement_timeout of the target is told so, and leaves nothing', async () => {
    await using lab = await migrationLab({ major, timing: { statementTimeoutMs: 400 } });
    await insertRows(lab);
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

describe.each(MAJORS)('a split on PostgreSQL %i', (major) => {
  it('is in the ledger with its lineage, and sums count only the halves', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    await insertCells(lab, [cell('Decimal', '/a', '2025-06-15T03:30:00Z', 4)]);
    const plan = await planAndPrepare(lab);
    const halves = await splitChunk(lab, { ship: SHIP, from: FROM, to: TO, message: 'too big' });
    expect(halves).toEqual([
      { from: FROM, to: '2025-06-15T03:00:00.000Z' },
      { from: '2025-06-15T03:00:00.000Z', to: TO },
    ]);
    await splitChunk(lab, { ship: SHIP, from: FROM, to: TO, message: 'too big again' });
    for (const half of halves) await copy(lab, plan, half);
    const { rows } = await lab.targetDatabase.query(
      `select to_char(from_time, 'HH24:MI') as from, status, cells_read::int as read, error,
              to_char(parent_from, 'HH24:MI') || ' ' || to_char(parent_to, 'HH24:MI') as parent
         from fairlead.chunk order by from_time, to_time desc`,
    );
    expect(rows).toEqual([
      { from: '02:00', status: 'split', read: 0, error: 'too big again', parent: null },
      { from: '02:00', status: 'done', read: 5, error: null, parent: '02:00 04:00' },
      { from: '03:00', status: 'done', read: 1, error: null, parent: '02:00 04:00' },
    ]);
  });

  it('leaves the lineage of a half that begins narrower to the chunks that it begins as', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    await insertCells(lab, [
      cell('Decimal', '/a', '2025-06-15T03:00:00Z', 4),
      cell('Decimal', '/a', '2025-06-15T03:30:00Z', 5),
    ]);
    const plan = await planAndPrepare(lab);
    await splitChunk(lab, { ship: SHIP, from: FROM, to: TO, message: 'too big' });
    const [three, halfPast] = ['2025-06-15T03:00:00.000Z', '2025-06-15T03:30:00.000Z'];
    await copy(lab, plan, { to: three });
    await copy(lab, plan, { from: three, to: halfPast });
    await copy(lab, plan, { from: halfPast });
    const { rows } = await lab.targetDatabase.query<{ line: string }>(
      `select concat_ws(' ', to_char(from_time, 'HH24:MI'), to_char(to_time, 'HH24:MI'), status,
                        to_char(parent_from, 'HH24:MI'), to_char(parent_to, 'HH24:MI')) as line
         from fairlead.chunk order by from_time, to_time desc`,
    );
    expect(rows.map(({ line }) => line)).toEqual([
      '02:00 04:00 split',
      '02:00 03:00 done 02:00 04:00',
      '03:00 03:30 done 02:00 04:00',
      '03:30 04:00 done 02:00 04:00',
    ]);
    const { chunks } = await summarizeShip(lab, { ship: SHIP });
    expect(chunks).toMatchObject({ total: 3, done: 3, split: 1, failed: 0 });
    const redo = { ...plan, redo: true, startedAt: 'infinity' };
    const again = await planChunks(lab, { plan: redo, cursor: FROM });
    expect(again.chunks.filter(({ from }) => from < TO)).toEqual([
      { from: FROM, to: three },
      { from: three, to: TO },
    ]);
  });

  it('goes down to halves of a minute, no further', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    await planAndPrepare(lab);
    const failure = { ship: SHIP, from: FROM, message: 'statement timeout' };
    expect(await splitChunk(lab, { ...failure, to: second(120) })).toHaveLength(2);
    await expect(splitChunk(lab, { ...failure, to: second(119) })).rejects.toMatchObject({
      code: 'data-refused',
      kind: 'data',
      message: expect.stringContaining('too narrow to be split further: statement timeout'),
    });
  });

  it('or a failure is written down, and a later success takes its place', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    await settleAsFailed(lab, { ship: SHIP, from: FROM, to: TO, message: 'out of luck' });
    expect(await ledger(lab)).toEqual(['02:00 04:00 failed written=0']);
    expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    await expectAll(lab);
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
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    expect(await copy(lab, plan)).toMatchObject({ status: 'done' });
    await expectAll(lab);
    await lab.sourceDatabase.query(`drop owned by ${role}`);
    await expect(copy(lab, { ...plan, redo: true, startedAt: 'infinity' })).rejects.toMatchObject({
      code: 'permission-denied',
      kind: 'operator',
    });
    await lab.sourceDatabase.query(`drop role ${role}`);
  });

  it('a target that is not the one of the plan is refused', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
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
