import { describe, expect, it } from 'vitest';
import { createMigrationFunctions } from '../../../activities/postgres/migration-functions.ts';
import { planShip, prepareTarget } from '../../../activities/postgres/plan-ship.ts';
import { summarizeShip } from '../../../activities/postgres/summarize-ship.ts';
import {
  MAJORS,
  SHIP,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  requestFor,
  second,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

const tablesIn = async ({ targetDatabase }: MigrationLab): Promise<string[]> => {
  const { rows } = await targetDatabase.query<{ name: string }>(
    `select schemaname || '.' || tablename as name from pg_tables where schemaname in ('tenant', 'fairlead') order by 1`,
  );
  return rows.map(({ name }) => name);
};

describe.each(MAJORS)('a plan on PostgreSQL %i', (major) => {
  it('begins at the chunk of the oldest cell, and ends where it was asked to', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', '2025-06-15T03:59:59.999999Z', 1),
      cell('Decimal', '/b', '2025-06-15T05:10:00Z', 1),
      cell('Decimal', '/a', '2024-01-01T00:00:00Z', 1, 'IMO9976915'),
    ]);
    const plan = await planShip(lab, requestFor({ to: '2025-06-15T10:30:00.5Z' }));
    expect(plan).toMatchObject({
      ship: SHIP,
      from: '2025-06-15T02:00:00.000Z',
      to: '2025-06-15T10:30:00.500Z',
      widthMs: 7_200_000,
      chunks: 5,
      redo: false,
      tables: [WIDE],
    });
    const { rows } = await lab.targetDatabase.query('select id from fairlead.installation');
    expect(plan.installation).toBe(rows[0]!['id']);
  });

  it('that is no longer wanted ends at once, on the server too', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    await lab.sourceDatabase.query(
      `create view tenant.slow as select * from tenant.tbl_data_timeseries where pg_sleep(40)::text = ''`,
    );
    const sourceTable = { schema: 'tenant', name: 'slow' };
    const stop = new AbortController();
    const reason = new Error('cancelled by a person');
    const functions = createMigrationFunctions({ ...lab, sourceTable });
    const run = { signal: stop.signal };
    const ended = expect(functions.planShip(requestFor(), run)).rejects.toBe(reason);
    const sleepers = async () => {
      const { rows } = await lab.sourceDatabase.query(
        `select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
      );
      return rows.length;
    };
    while ((await sleepers()) === 0);
    const startedAt = performance.now();
    stop.abort(reason);
    await ended;
    while ((await sleepers()) > 0);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('keeps the beginning that it was given, to the microsecond', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    const from = '2025-06-15T02:40:40.388958Z';
    expect(await planShip(lab, requestFor({ from }))).toMatchObject({ from, chunks: 11 });
  });

  it('changes nothing of the target but schema fairlead, and can be made again', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [cell('Decimal', '/a', second(0), 1)]);
    const first = await planShip(lab, requestFor());
    const before = await tablesIn(lab);
    expect(before.filter((name) => name.startsWith('tenant'))).toEqual([
      'tenant.tbl_data_timeseries',
    ]);
    const again = await planShip(lab, requestFor());
    expect(again).toEqual({ ...first, startedAt: again.startedAt });
    expect(Date.parse(again.startedAt)).toBeGreaterThan(Date.parse(first.startedAt) - 1);
    await prepareTarget(lab, again);
    await prepareTarget(lab, again);
    expect(await tablesIn(lab)).toEqual([...before, WIDE].toSorted());
  });

  it('can be made by several at once on a fresh target', async () => {
    await using lab = await migrationLab({ major });
    const ships = ['a', 'b', 'c', 'd'];
    await insertCells(
      lab,
      ships.map((ship) => cell('Decimal', '/a', second(0), 1, ship)),
    );
    const plans = await Promise.all(ships.map((ship) => planAndPrepare(lab, { ship })));
    expect(new Set(plans.map(({ installation }) => installation)).size).toBe(1);
  });

  it('names the nearest ship when the source does not know one', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(
      lab,
      ['IMO9976903', 'IMO9986051'].map((ship) => cell('Decimal', '/a', second(0), 1, ship)),
    );
    await expect(planShip(lab, requestFor({ ship: 'IMO9986015' }))).rejects.toMatchObject({
      code: 'ship-unknown',
      kind: 'usage',
      message: 'the source has no cell of ship IMO9986015, only of 2 others',
      hint: 'Did you mean IMO9986051?',
    });
    await using empty = await migrationLab({ major });
    await expect(planShip(empty, requestFor())).rejects.toMatchObject({
      code: 'ship-unknown',
      hint: expect.stringContaining('fairlead import'),
    });
    expect(await tablesIn(empty)).toEqual(['tenant.tbl_data_timeseries']);
  });

  it('refuses ships that differ only in case', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(
      lab,
      ['Alma', 'ALMA', 'Berta'].map((ship) => cell('Decimal', '/a', second(0), 1, ship)),
    );
    await expect(planShip(lab, requestFor({ ship: 'ALMA' }))).rejects.toMatchObject({
      code: 'ship-ambiguous',
      message: expect.stringMatching(/Alma and ALMA|ALMA and Alma/),
    });
    await expect(planShip(lab, requestFor({ ship: 'Berta' }))).resolves.toMatchObject({
      ship: 'Berta',
    });
  });

  it('counts cells at infinity, at impossible times and after the end, and says so', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      cell('Decimal', '/a', '-infinity', 1),
      cell('Decimal', '/a', 'infinity', 1),
      cell('Decimal', '/b', 'infinity', 1),
      cell('Decimal', '/a', second(0), 1),
      cell('Decimal', '/a', '2025-06-16T00:00:00Z', 1),
      cell('Decimal', '/b', '2199-01-01T00:00:00Z', 1),
      ...['0044-03-15 BC', '0001-01-01', '1714-12-31', '2255-01-01', '12000-01-01'].map((at) =>
        cell('Decimal', '/c', at, 1),
      ),
      cell('Decimal', '/b', 'infinity', 1, 'IMO9976915'),
    ]);
    const plan = await planAndPrepare(lab);
    expect(plan.from).toBe('2025-06-15T02:00:00.000Z');
    expect(plan.remarks.slice(0, 2)).toEqual([
      '8 cells at infinity, -infinity or outside the years 1715 to 2254 are no part of any chunk, and stay in the source',
      '2 cells lie at or after the end, and stay in the source',
    ]);
    expect(await copy(lab, plan)).toMatchObject({ cells: { read: 1 } });
  });

  it('takes a channel for Decimal when Integer and Decimal are mixed, and what is prescribed before that', async () => {
    await using lab = await migrationLab({ major, channelTypes: new Map([['/c', 'bigint']]) });
    const hours = Array.from({ length: 22 }, (_, hour) => second(hour * 3_600));
    await insertCells(
      lab,
      hours.flatMap((at, hour) => [
        hour < 15 ? cell('Integer', '/a', at, hour) : cell('Decimal', '/a', at, hour + 0.5),
        cell('Integer', '/b', at, hour),
        cell('Decimal', '/c', at, hour),
      ]),
    );
    const plan = await planAndPrepare(lab);
    const { rows } = await lab.targetDatabase.query(
      'select data_channel_id as channel, column_type as type from fairlead.channel_map order by 1',
    );
    expect(rows).toEqual([
      { channel: '/a', type: 'double precision' },
      { channel: '/b', type: 'bigint' },
      { channel: '/c', type: 'bigint' },
    ]);
    const proof = await copy(lab, plan, { from: plan.from, to: plan.to });
    expect(proof.cells).toEqual({ read: 66, written: 66, nulls: 0, quarantined: 0 });
  });

  it('lays channels out by group, unlisted ones in a group of their own, and says what is absent', async () => {
    const groups = [
      { number: 1, name: 'auxiliary', channels: new Set(['/aux', '/aux/silent']) },
      { number: 2, name: 'engine', channels: new Set(['/engine']) },
    ];
    await using lab = await migrationLab({ major, groups });
    await insertCells(
      lab,
      ['/aux', '/engine', '/strange', '/stranger'].map((channel) =>
        cell('Decimal', channel, second(0), 1),
      ),
    );
    await insertCells(lab, [{ channel: '/formless', at: second(0), format: null, double: 1 }]);
    const plan = await planAndPrepare(lab);
    expect(plan.tables).toEqual(['1', '2', '3'].map((group) => WIDE.replace(/1$/, group)));
    expect(plan.remarks).toEqual([
      '1 listed channels have no cell, and get no column',
      '2 channels that no list names go to group 3 (other)',
      '1 channels bear no known value format at any probe, and get no column',
    ]);
    await copy(lab, plan);
    expect(await wideCells(lab)).toEqual(await narrowCells(lab, SHIP, 'value_format is not null'));
  });

  it('makes again what was dropped, with the columns of the map, and says how its cells come back', async () => {
    const groups = [{ number: 1, name: 'engine', channels: new Set(['/engine', '/on']) }];
    await using lab = await migrationLab({ major, groups });
    await insertCells(lab, [
      cell('Decimal', '/engine', second(0), 1),
      cell('Boolean', '/on', second(0), true),
      cell('Boolean', '/a', second(0), false),
      cell('String', '/b', second(0), 'b'),
      cell('Integer', '/c', second(0), 3),
    ]);
    await copy(lab, await planAndPrepare(lab));
    const other = WIDE.replace(/1$/, '2');
    await lab.targetDatabase.query(`drop table ${other}; alter table ${WIDE} drop column "/on"`);
    const { remarks } = await planShip(lab, requestFor({ redo: true }));
    const { remarks: remarksAfterLoss, ...plan } = await planAndPrepare(lab);
    expect(remarksAfterLoss).toEqual([
      ...remarks,
      ...[`1 columns of ${WIDE}`, `3 columns of ${other}`].map(
        (what) =>
          `${what} were dropped, and are made again, empty; what they held of proven chunks comes back with: fairlead verify ${SHIP} --repair`,
      ),
    ]);
    expect(await summarizeShip(lab, { ...plan, remarks })).toMatchObject({ tables: [WIDE, other] });
    expect(await copy(lab, { ...plan, remarks })).toMatchObject({ provenBefore: true });
    expect(await wideCells(lab)).toHaveLength(1);
    const { rows } = await lab.targetDatabase.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 order by attnum`,
      [other],
    );
    expect(rows.map(({ name }) => name)).toEqual(['created_time', '/c', '/b', '/a']);
    const redo = await planAndPrepare(lab, { redo: true });
    expect(redo.remarks).toEqual(remarks);
    expect(await copy(lab, redo)).toMatchObject({ status: 'done', foreign: 0 });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
    expect((await planShip(lab, requestFor())).remarks).toEqual(remarks);
  });

  it('has one table where the template names no group', async () => {
    await using lab = await migrationLab({ major, targetTemplate: 'tenant.wide_{ship}' });
    await insertCells(lab, [
      cell('Decimal', '/a', second(0), 1),
      cell('String', '/b', second(0), 'b'),
    ]);
    const plan = await planAndPrepare(lab);
    expect(plan.tables).toEqual([`tenant.wide_${SHIP.toLowerCase()}`]);
    expect(await copy(lab, plan)).toMatchObject({ cells: { written: 2 } });
  });

  it.each([
    [
      'no such table',
      { schema: 'tenant', name: 'absent' },
      'source-table-invalid',
      /tenant.absent is not in the source/,
    ],
    [
      'a table without the columns',
      { schema: 'tenant', name: 'other' },
      'source-table-invalid',
      /column .* is missing/,
    ],
  ])('refuses %s', async (_what, sourceTable, code, message) => {
    await using lab = await migrationLab({ major, sourceTable });
    await lab.sourceDatabase.query('create table tenant.other (ship_id text)');
    await expect(planShip(lab, requestFor())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});
