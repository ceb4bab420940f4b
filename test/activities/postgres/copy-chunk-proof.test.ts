import { describe, expect, it } from 'vitest';
import {
  MAJORS,
  WIDE,
  cell,
  copy,
  insertCells,
  ledger,
  migrationLab,
  narrowCells,
  planAndPrepare,
  quarantined,
  second,
  wideCells,
  type MigrationLab,
} from '../../migration-databases.ts';

const COPIED_COLUMNS = `"/a", "/b", "/flag", "/long", "/text"`;

/** What a fault between writing and reading back does to a row; `new` is the row to come. */
const MUTATIONS: Record<string, string> = {
  'two columns swapped': `select new."/a", new."/b" into new."/b", new."/a"`,
  'two columns swapped in one row': `if is_third then select new."/a", new."/b" into new."/b", new."/a"; end if`,
  'a cell dropped': `if is_third then new."/a" := null; end if`,
  'a row dropped': `if is_third then return null; end if`,
  'a bit of a number flipped': `if is_third then new."/a" := new."/a" + 2 ^ -40; end if`,
  'the sign of a zero flipped': `if is_third then new."/b" := -new."/b"; end if`,
  'a bit of an integer flipped': `if is_third then new."/long" := new."/long" # 1; end if`,
  'a boolean flipped': `if is_third then new."/flag" := not new."/flag"; end if`,
  'a character changed': `if is_third then new."/text" := replace(new."/text", 'x', 'X'); end if`,
  'a text cut off': `if is_third then new."/text" := rtrim(new."/text"); end if`,
  'a row at another instant': `if is_third then new.created_time := new.created_time + interval '1 microsecond'; end if`,
  'a row written twice': `if is_third then
      insert into ${WIDE} (created_time, ${COPIED_COLUMNS})
      values (new.created_time + interval '1 microsecond', new."/a", new."/b", new."/flag", new."/long", new."/text");
    end if`,
};

async function mutateRows(
  { targetDatabase }: MigrationLab,
  mutation: string,
  table = WIDE,
): Promise<void> {
  await targetDatabase.query(`
    create function mutate() returns trigger language plpgsql as $$
    declare is_third boolean := new.created_time = '2025-06-15 02:00:30';
    begin
      ${mutation};
      return new;
    end $$;
    create trigger mutate before insert on ${table} for each row when (pg_trigger_depth() = 0) execute function mutate()`);
}

/** Five rows, the third at 02:00:30 with a zero that has a sign. */
const insertRows = (lab: MigrationLab) =>
  insertCells(
    lab,
    [0, 1, 2, 3, 4].flatMap((row) => [
      cell('Decimal', '/a', second(row * 15), row + 0.5),
      cell('Decimal', '/b', second(row * 15), 0),
      cell('Boolean', '/flag', second(row * 15), row % 2 === 0),
      cell('Integer', '/long', second(row * 15), 9_007_199_254_740_993n + BigInt(row)),
      cell('String', '/text', second(row * 15), `x${row} `),
    ]),
  );

describe.each(MAJORS)('the proof on PostgreSQL %i', (major) => {
  for (const mode of ['copy', 'merge', 'replace'] as const) {
    it(`of a ${mode} holds when nothing is wrong`, async () => {
      await using lab = await migrationLab({ major });
      await insertRows(lab);
      const plan = await prepareFor(lab, mode);
      await mutateRows(lab, 'perform 1');
      expect(await copy(lab, plan)).toMatchObject({ cells: { read: 25, written: 25 } });
      const theirs = (line: string) => line.includes('02:30:00');
      expect((await wideCells(lab)).filter((line) => !theirs(line))).toEqual(
        await narrowCells(lab),
      );
    });

    it(`of a ${mode} fails, and nothing is committed, with any of ${Object.keys(MUTATIONS).length} faults`, async () => {
      await using lab = await migrationLab({ major });
      await insertRows(lab);
      await insertCells(lab, [{ channel: '/a', at: second(1), format: null, double: 1 }]);
      const plan = await prepareFor(lab, mode);
      const before = await stateOf(lab);
      const running = { ledger: ['02:00 04:00 running written=0'] };
      for (const [fault, mutation] of Object.entries(MUTATIONS)) {
        await mutateRows(lab, mutation);
        await expect(copy(lab, plan), fault).rejects.toMatchObject({
          code: 'proof-failed',
          kind: 'data',
        });
        expect(await stateOf(lab), fault).toEqual(
          mode === 'replace' ? before : { ...before, ...running },
        );
        await lab.targetDatabase.query('drop function mutate cascade');
      }
      expect(await copy(lab, plan)).toMatchObject({ provenBefore: false });
    });
  }
});

/** A plan after which the next copy works in this mode. */
async function prepareFor(lab: MigrationLab, mode: 'copy' | 'merge' | 'replace') {
  const plan = await planAndPrepare(lab);
  if (mode === 'merge')
    await lab.targetDatabase.query(
      `insert into ${WIDE} (created_time, "/a") values ('2025-06-15 02:30', 99)`,
    );
  if (mode !== 'replace') return plan;
  await copy(lab, plan);
  return planAndPrepare(lab, { redo: true });
}

async function stateOf(lab: MigrationLab) {
  return {
    wide: await wideCells(lab),
    ledger: await ledger(lab),
    quarantine: await quarantined(lab),
  };
}

describe.each(MAJORS)('two tables of a ship on PostgreSQL %i', (major) => {
  it('are proven together: a fault in the second keeps the first from being committed', async () => {
    await using lab = await migrationLab({
      major,
      groups: [{ number: 1, name: 'one', channels: new Set(['/a', '/b']) }],
    });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    await mutateRows(
      lab,
      `if is_third then new."/flag" := not new."/flag"; end if`,
      WIDE.replace(/1$/, '2'),
    );
    await expect(copy(lab, plan)).rejects.toMatchObject({ code: 'proof-failed' });
    expect(await wideCells(lab)).toEqual([]);
  });

  it('are resolved through the channel map: columns that were renamed meanwhile are found out', async () => {
    await using lab = await migrationLab({ major });
    await insertRows(lab);
    const plan = await planAndPrepare(lab);
    // What the writer believed of its columns must not decide what the reader finds in them.
    await mutateRows(
      lab,
      `if is_third then
         update fairlead.channel_map set column_name = '~' where data_channel_id = '/a';
         update fairlead.channel_map set column_name = '/a' where data_channel_id = '/b';
         update fairlead.channel_map set column_name = '/b' where data_channel_id = '/a';
       end if`,
    );
    await expect(copy(lab, plan)).rejects.toMatchObject({ code: 'proof-failed' });
  });
});
