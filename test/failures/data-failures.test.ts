import { expect, it } from 'vitest';
import { listFailedChunks } from '../../activities/postgres/list-ledger.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import { SHIP, WIDE } from '../migration-databases.ts';
import { failingMigration } from './failing-migration.ts';

interface Case {
  code: ErrorCode;
  error: RegExp;
  spoil: string;
  mend: string;
}

const many = (count: number, each: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => each(n)).join(', ');

const faults: Record<string, Case> = {
  'rows are too wide': {
    code: 'row-too-wide',
    error: /row is too big: size \d+, maximum size 8160 \(54000\)/,
    spoil: `alter table ${WIDE} ${many(130, (n) => `add pad_${n} name default 'x'`)}`,
    mend: `alter table ${WIDE} ${many(130, (n) => `alter pad_${n} drop default`)}`,
  },
  'a constraint refuses them': {
    code: 'data-refused',
    error: /violates check constraint "none" \(23514\)/,
    spoil: `alter table ${WIDE} add constraint none check (created_time is null) not valid`,
    mend: `alter table ${WIDE} drop constraint none`,
  },
  'a column must have a value': {
    code: 'data-refused',
    error: /null value in column "must" .* violates not-null constraint \(23502\)/,
    spoil: `alter table ${WIDE} add must integer not null default 0; alter table ${WIDE} alter must drop default`,
    mend: `alter table ${WIDE} drop must`,
  },
  'a column has another type': {
    code: 'data-refused',
    error: /incorrect binary data format|out of range|invalid byte sequence|\(22\w{3}\)/,
    spoil: `alter table ${WIDE} alter "/a" type smallint`,
    mend: `alter table ${WIDE} alter "/a" type double precision`,
  },
  'a trigger raises an exception': {
    code: 'data-refused',
    error: /not today \(P0001\)/,
    spoil: `create function refuse() returns trigger language plpgsql as 'begin raise exception ''not today''; end';
      create trigger refuse before insert on ${WIDE} for each row execute function refuse()`,
    mend: `drop trigger refuse on ${WIDE}`,
  },
  'something happens that no rule knows': {
    code: 'unexpected',
    error: /how strange \(QQ001\)/,
    spoil: `create function wonder() returns trigger language plpgsql
        as 'begin raise exception ''how strange'' using errcode = ''QQ001''; end';
      create trigger wonder before insert on ${WIDE} for each row execute function wonder()`,
    mend: `drop trigger wonder on ${WIDE}`,
  },
  'a column is gone': {
    code: 'data-refused',
    error: /column "\/a" .*does not exist|\(42703\)/,
    spoil: `alter table ${WIDE} rename "/a" to was_a`,
    mend: `alter table ${WIDE} rename was_a to "/a"`,
  },
  'the table is gone': {
    code: 'data-refused',
    error: /does not exist \(42P01\)/,
    spoil: `alter table ${WIDE} rename to away`,
    mend: `alter table tenant.away rename to ${WIDE.split('.')[1]}`,
  },
};

it.each(Object.entries(faults))(
  'where %s, that chunk fails without a retry, and the others go on',
  async (_, { code, error, spoil, mend }) => {
    await using migration = await failingMigration({ chunks: 3 });
    const { lab } = migration;
    migration.before(2, () => lab.targetDatabase.query(spoil));
    migration.before(4, () => lab.targetDatabase.query(mend));
    await migration.start();
    expect(await migration.report()).toMatchObject({
      verified: false,
      chunks: { done: 2, failed: 1, split: 0 },
    });
    expect(await migration.codes()).toEqual(new Set([code]));
    const failed = await listFailedChunks(lab.target, [SHIP]);
    expect(failed).toMatchObject([{ error: expect.stringMatching(error) }]);
    const { rows } = await lab.targetDatabase.query<{ attempts: number }>(
      `select attempts from fairlead.chunk where status = 'failed'`,
    );
    expect(rows).toEqual([{ attempts: 1 }]);
    await migration.start();
    expect(await migration.report()).toMatchObject({ verified: true, chunks: { done: 3 } });
    expect(await listFailedChunks(lab.target, [SHIP])).toEqual([]);
  },
);
