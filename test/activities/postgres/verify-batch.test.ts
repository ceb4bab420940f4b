import { describe, expect, it } from 'vitest';
import { verifyBatch } from '../../../activities/postgres/verify-batch.ts';
import type { ChunkComparison, Difference } from '../../../domain/migration.ts';
import {
  FROM,
  MAJORS,
  SHIP,
  TO,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  planAndPrepare,
  second,
  type MigrationLab,
} from '../../migration-databases.ts';

/** Ten instants of a number and a text, one NULL cell, one in quarantine; copied. */
async function copied(lab: MigrationLab): Promise<void> {
  const rows = Array.from({ length: 10 }, (_, row) => row);
  await insertCells(
    lab,
    rows.flatMap((row) => [
      cell('Decimal', '/a', second(row * 600), row),
      cell('String', '/b', second(row * 600), `row ${row}`),
    ]),
  );
  await insertCells(lab, [
    cell('Decimal', '/a', second(1), null),
    { channel: '/a', at: second(2), format: null, double: 1 },
  ]);
  await copy(lab, await planAndPrepare(lab));
}

const verify = (lab: MigrationLab, to = TO): Promise<ChunkComparison> =>
  verifyBatch(
    lab,
    { ship: SHIP, from: FROM, to, widthMs: 1_800_000 },
    { signal: new AbortController().signal },
  );

const equal: ChunkComparison = {
  from: FROM,
  to: TO,
  source: 22,
  matched: 21,
  missing: 0,
  different: 0,
  extra: 0,
  quarantined: 1,
  differences: [],
};
const at = (row: number) => `timestamp '2025-06-15 02:00' + ${row} * interval '10 minutes'`;
const named = (channel: string, row: number, what: string): Difference => ({
  at: second(row * 600),
  channel,
  what,
});

/** The last instant that a chunk can hold is before. */
const END_OF_TIME = '2255-01-01T00:00:00.000Z';

describe.each(MAJORS)('a comparison on PostgreSQL %i', (major) => {
  it('finds nothing where source and target are equal', async () => {
    await using lab = await migrationLab({ major, separate: true });
    await copied(lab);
    expect(await verify(lab)).toEqual(equal);
  });

  it.each<[string, string, Partial<ChunkComparison>]>([
    [
      'a row that is gone as missing cells',
      `delete from ${WIDE} where created_time = ${at(3)}`,
      {
        matched: 19,
        missing: 2,
        differences: [
          named('/a', 3, 'not in the target: source 3'),
          named('/b', 3, 'not in the target: source "row 3"'),
        ],
      },
    ],
    [
      'a cell that is gone as missing',
      `update ${WIDE} set "/b" = null where created_time = ${at(3)}`,
      {
        matched: 20,
        missing: 1,
        differences: [named('/b', 3, 'not in the target: source "row 3"')],
      },
    ],
    [
      'a number that was changed by one bit as different',
      `update ${WIDE} set "/a" = "/a" + 2 ^ -50 where created_time = ${at(3)}`,
      {
        matched: 20,
        different: 1,
        differences: [named('/a', 3, 'differs: source 3, target 3.000000000000001')],
      },
    ],
    [
      'a text that was changed as different',
      `update ${WIDE} set "/b" = "/b" || ' ' where created_time = ${at(0)}`,
      {
        matched: 20,
        different: 1,
        differences: [named('/b', 0, 'differs: source "row 0", target "row 0 "')],
      },
    ],
    [
      'cells that the source lacks as extra, in the range only',
      `insert into ${WIDE} (created_time, "/a") values (${at(3)} + interval '1 s', 7), (${at(0)} - interval '1 s', 7), (${at(12)}, 7)`,
      {
        extra: 1,
        differences: [{ at: second(1_801), channel: '/a', what: 'only in the target: 7' }],
      },
    ],
    [
      'a row at another instant as missing and extra',
      `update ${WIDE} set created_time = created_time + interval '1 microsecond', "/a" = null where created_time = ${at(3)}`,
      {
        matched: 19,
        missing: 2,
        extra: 1,
        differences: [
          named('/a', 3, 'not in the target: source 3'),
          named('/b', 3, 'not in the target: source "row 3"'),
          {
            at: '2025-06-15T02:30:00.000001Z',
            channel: '/b',
            what: 'only in the target: "row 3"',
          },
        ],
      },
    ],
    [
      'two rows that changed places',
      `update ${WIDE} set "/a" = 7 - "/a" where created_time in (${at(3)}, ${at(4)})`,
      {
        matched: 19,
        different: 2,
        differences: [
          named('/a', 3, 'differs: source 3, target 4'),
          named('/a', 4, 'differs: source 4, target 3'),
        ],
      },
    ],
    [
      'a row of the quarantine that is gone as missing',
      `delete from fairlead.quarantine`,
      {
        missing: 1,
        quarantined: 0,
        differences: [{ at: FROM, channel: '', what: 'quarantine holds 0 cells, expected 1' }],
      },
    ],
    [
      'a column that is gone as missing cells',
      `alter table ${WIDE} drop column "/b"`,
      { matched: 11, missing: 10 },
    ],
    [
      'a table that is gone as missing cells',
      `drop table ${WIDE}`,
      {
        matched: 1,
        missing: 20,
        differences: Array.from({ length: 10 }, (_, row) => [
          named('/a', row, `not in the target: source ${row}`),
          named('/b', row, `not in the target: source "row ${row}"`),
        ]).flat(),
      },
    ],
    [
      'a channel that the map has lost as missing cells',
      `delete from fairlead.channel_map where data_channel_id = '/b'`,
      { matched: 11, missing: 10 },
    ],
  ])('finds %s', async (_what, change, expected) => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await lab.targetDatabase.query(change);
    const { differences, differing, ...counts } = await verify(lab);
    const { differences: wanted, ...rest } = { ...equal, ...expected };
    expect(counts).toEqual(rest);
    expect(differing).not.toEqual([]);
    if (expected.differences) expect(differences).toEqual(wanted);
    else expect(differences).toHaveLength(10);
  });

  it('finds what came to the source, or changed there, after the copy', async () => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await lab.sourceDatabase.query(`
      update tenant.tbl_data_timeseries set double_v = -1 where data_channel_id = '/a' and created_time = ${at(5)};
      delete from tenant.tbl_data_timeseries where data_channel_id = '/b' and created_time = ${at(5)}`);
    await insertCells(lab, [
      cell('Boolean', '/new', second(0), true),
      { channel: '/b', at: second(3), format: 'X', text: 'x' },
    ]);
    expect(await verify(lab)).toMatchObject({
      source: 23,
      matched: 19,
      missing: 2,
      different: 1,
      extra: 1,
      quarantined: 1,
    });
  });

  it('shows the first 20 differences, and counts them all', async () => {
    await using lab = await migrationLab({ major });
    const rows = Array.from({ length: 100 }, (_, row) => row);
    await insertCells(
      lab,
      rows.toReversed().map((row) => cell('Decimal', '/a', second(row * 60), row)),
    );
    await copy(lab, await planAndPrepare(lab));
    await lab.targetDatabase.query(`delete from ${WIDE}`);
    const { missing, differences, differing } = await verify(lab);
    expect(missing).toBe(100);
    expect(differences.map(({ at: instant }) => instant)).toEqual(
      rows.slice(0, 20).map((row) => second(row * 60)),
    );
    expect(differing).toEqual([{ from: FROM, to: TO }]);
  });

  it('names the chunks that differ, and only those', async () => {
    await using lab = await migrationLab({ major });
    await copied(lab);
    await lab.targetDatabase.query(
      `update ${WIDE} set "/a" = '-0' where created_time in (${at(0)}, ${at(7)})`,
    );
    const { differing, differences } = await verify(lab);
    expect(differing).toEqual([
      { from: FROM, to: '2025-06-15T02:30:00.000Z' },
      { from: '2025-06-15T03:00:00.000Z', to: '2025-06-15T03:30:00.000Z' },
    ]);
    expect(differences.map(({ what }) => what)).toEqual([
      'differs: source 0, target -0',
      'differs: source 7, target -0',
    ]);
  });

  describe('where neither side has anything', () => {
    const night = { from: '2025-06-15T04:00:00.000Z', to: '2025-06-15T16:00:00.000Z' };
    const look = (lab: MigrationLab) =>
      verifyBatch(
        lab,
        { ship: SHIP, ...night, widthMs: 7_200_000 },
        { signal: new AbortController().signal },
      );

    it('tells that there is nothing for years', async () => {
      await using lab = await migrationLab({ major, separate: true });
      await copied(lab);
      expect(await look(lab)).toMatchObject({ source: 0, extra: 0, silentUntil: END_OF_TIME });
    });

    it.each([
      [
        'a cell of the source',
        'source',
        [
          `insert into tenant.tbl_data_timeseries
         (ship_id, data_channel_id, created_time, value_format, double_v)
         values ('${SHIP}', '/b', '2029-02-03 05:06', 'Decimal', 1)`,
        ],
      ],
      [
        'a row of a wide table',
        'target',
        [`insert into ${WIDE} (created_time, "/a") values ('2029-02-03 05:06', 7)`],
      ],
      [
        'a cell in quarantine',
        'target',
        [
          `insert into fairlead.quarantine (ship_id, data_channel_id, created_time, reason)
         values ('${SHIP}', '/a', '2029-02-03 05:06', 'unknown-format')`,
        ],
      ],
    ] as const)('ends at the chunk of %s', async (_, side, [sql]) => {
      await using lab = await migrationLab({ major, separate: true });
      await copied(lab);
      await lab[`${side}Database`].query(sql);
      expect(await look(lab)).toMatchObject({ silentUntil: '2029-02-03T04:00:00.000Z' });
    });

    it('goes on chunk by chunk where the source has no index for the probes', async () => {
      await using lab = await migrationLab({ major, separate: true });
      await copied(lab);
      await lab.sourceDatabase.query(
        'alter table tenant.tbl_data_timeseries drop constraint data_timeseries_pk',
      );
      expect(await look(lab)).toMatchObject({ silentUntil: night.to });
    });

    it('still finds a cell that only the target has', async () => {
      await using lab = await migrationLab({ major, separate: true });
      await copied(lab);
      await lab.targetDatabase.query(
        `insert into ${WIDE} (created_time, "/a") values ('2025-06-15 15:59:59.999999', 7)`,
      );
      const found = await look(lab);
      expect(found).toMatchObject({ source: 0, extra: 1 });
      expect(found.silentUntil).toBeUndefined();
    });
  });

  it('splits what does not fit the buffer', async () => {
    await using lab = await migrationLab({ major, maxBufferBytes: 1_200_000 });
    const rows = Array.from({ length: 7_000 }, (_, row) => row);
    await insertCells(
      lab,
      rows.map((row) => cell('String', '/a', second(row), 'x'.repeat(400))),
    );
    const plan = await planAndPrepare(lab);
    for (let minute = 0; minute < 120; minute += 30) {
      const [from, to] = [second(minute * 60), second((minute + 30) * 60)];
      await copy(lab, plan, { from, to });
    }
    await lab.targetDatabase.query(
      `update ${WIDE} set "/a" = 'y' where created_time = ${at(6)} + interval '1 second'`,
    );
    const comparison = await verifyBatch(
      lab,
      { ship: SHIP, from: FROM, to: TO, widthMs: 7_200_000 },
      { signal: new AbortController().signal },
    );
    expect(comparison).toMatchObject({
      source: 7_000,
      matched: 6_999,
      different: 1,
      differing: [{ from: '2025-06-15T03:00:00.000Z', to: '2025-06-15T03:30:00.000Z' }],
      differences: [
        { what: `differs: source "${'x'.repeat(60)}" and 340 characters more, target "y"` },
      ],
    });
  });
});
