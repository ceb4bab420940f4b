import { describe, expect, it } from 'vitest';
import {
  MAJORS,
  WIDE,
  cell,
  copy,
  insertCells,
  migrationLab,
  narrowCells,
  planAndPrepare,
  second,
  wideCells,
  wideInstants,
} from '../../migration-databases.ts';

describe.each(MAJORS)('a row on PostgreSQL %i', (major) => {
  const wide = (
    count: number,
    value: (n: number) => Parameters<typeof cell>[3],
    format: 'String' | 'Decimal' | 'Boolean',
  ) =>
    Array.from({ length: count }, (_, n) =>
      cell(format, `/${format}/${String(n).padStart(4, '0')}`, second(0), value(n)),
    );
  const text = (bytes: number) => (n: number) => String(n).padEnd(bytes, 'x');

  it.each([
    ['500 texts of 23 bytes, which are never moved out of it', 500, 23],
    ['500 texts of 24 bytes', 500, 24],
    ['500 texts of 200 bytes', 500, 200],
    ['20 texts of 20,000 bytes', 20, 20_000],
  ])('takes %s', async (_what, count, bytes) => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, wide(count, text(bytes), 'String'));
    const plan = await planAndPrepare(lab);
    expect(await copy(lab, plan)).toMatchObject({ cells: { written: count } });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
  });

  it('takes 1,900 numbers, texts and booleans in tables _1a, _1b, …, and the plan says so', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [
      ...wide(1_000, (n) => n / 7, 'Decimal'),
      ...wide(300, text(23), 'String'),
      ...wide(600, (n) => n % 2 === 0, 'Boolean'),
    ]);
    const plan = await planAndPrepare(lab);
    expect(plan.tables).toEqual(['a', 'b', 'c'].map((letter) => WIDE + letter));
    expect(plan.remarks).toContainEqual(
      expect.stringMatching(
        /^group 1 \(1900 columns, \d+ bytes a row\) is split into .*_1a, .*_1b, .*_1c$/,
      ),
    );
    expect(await copy(lab, plan)).toMatchObject({ cells: { written: 1_900 } });
    expect(await wideCells(lab)).toEqual(await narrowCells(lab));
    const full = await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(full).toMatchObject({ foreign: 0 });
  });

  it('takes as many numbers as a table is laid out for, merged too', async () => {
    await using lab = await migrationLab({ major });
    const channels = wide(890, (n) => n / 7, 'Decimal');
    await insertCells(lab, channels);
    await planAndPrepare(lab);
    await insertCells(
      lab,
      Array.from({ length: 108 }, (_, n) => cell('Decimal', `/late/${n}`, second(0), n)),
    );
    const plan = await planAndPrepare(lab);
    const tables = await lab.targetDatabase.query(
      `select table_name, count(*)::int as columns from fairlead.channel_map group by 1`,
    );
    expect(tables.rows).toEqual([{ table_name: WIDE, columns: 998 }]);
    await lab.targetDatabase.query(
      `insert into ${WIDE} (created_time, "/late/0") values ('2025-06-15 02:00:01', 1)`,
    );
    expect(await copy(lab, plan)).toMatchObject({ cells: { written: 998 }, foreign: 1 });
    await insertCells(
      lab,
      Array.from({ length: 30 }, (_, n) => cell('Decimal', `/later/${n}`, second(0), n)),
    );
    const later = await copy(lab, await planAndPrepare(lab, { redo: true }));
    expect(later).toMatchObject({ cells: { written: 1_028 } });
    expect(await wideInstants(lab, `${WIDE}a`)).toEqual(['2025-06-15 02:00:00']);
  });
});
