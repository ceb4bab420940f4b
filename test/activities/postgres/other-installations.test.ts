import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { attemptName } from '../../../activities/postgres/attempt.ts';
import { openPool } from '../../../activities/postgres/connection.ts';
import type { MigrationDatabases } from '../../../activities/postgres/migration-databases.ts';
import { planShip, prepareTarget } from '../../../activities/postgres/plan-ship.ts';
import type { FairleadError } from '../../../domain/errors.ts';
import {
  cell,
  copy,
  FROM,
  insertCells,
  ledger,
  MAJORS,
  migrationLab,
  planAndPrepare,
  requestFor,
  second,
  SHIP,
  TO,
  type MigrationLab,
} from '../../migration-databases.ts';

const COLUMN = cell('Decimal', '/a', second(0), 1);

/** The same databases and wide tables, as another installation's. */
function asInstallation(
  lab: MigrationLab,
  installation: string,
  url = lab.targetDatabase.url,
): MigrationDatabases & AsyncDisposable {
  const pool = openPool({ url, role: 'target', maxConnections: 4, installation });
  return { ...lab, source: pool, target: pool, [Symbol.asyncDispose]: () => pool.end() };
}

const refusal = (planning: Promise<unknown>): Promise<FairleadError> =>
  planning.then(
    () => expect.unreachable('it was not refused'),
    (error) => error as FairleadError,
  );

describe.each(MAJORS)('a second installation in a database of PostgreSQL %i', (major) => {
  it('takes over the ledger that it had before each had a schema, by what the refusal says', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [COLUMN]);
    const before = await planAndPrepare(lab, { to: TO });
    await copy(lab, before);
    await using pier = asInstallation(lab, 'pier');
    const { code, message, hint = '' } = await refusal(planShip(pier, requestFor({ to: TO })));
    expect(code).toBe('table-taken');
    expect(message).toContain('belongs to the installation without a name (schema fairlead)');
    const statements = hint.slice(hint.indexOf('drop schema'));
    await lab.targetDatabase.query(statements);
    const after = await planShip(pier, requestFor({ to: TO }));
    expect(after.installation).toBe(before.installation);
    await expect(ledger(lab)).rejects.toThrow('fairlead.chunk');
  });

  it('gets a table, or the other one does, when both want it at the same moment', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [COLUMN]);
    await using pier = asInstallation(lab, 'pier');
    await using dock = asInstallation(lab, 'Dock-2');
    const plans = [await planShip(pier, requestFor()), await planShip(dock, requestFor())] as const;
    const ends = await Promise.allSettled([
      prepareTarget(pier, plans[0]),
      prepareTarget(dock, plans[1]),
    ]);
    const refused = ends.filter((end) => end.status === 'rejected');
    expect(refused).toMatchObject([{ reason: { code: 'table-taken' } }]);
  });

  it('says whose ledger it may not read', async () => {
    await using lab = await migrationLab({ major });
    await insertCells(lab, [COLUMN]);
    await planAndPrepare(lab, { to: TO });
    const role = `other_${randomBytes(4).toString('hex')}`;
    await lab.targetDatabase.query(
      `create role ${role} login password 'secret';
       grant create, temporary on database ${lab.targetDatabase.name} to ${role};
       grant usage on schema tenant to ${role};
       grant select on tenant.tbl_data_timeseries to ${role}`,
    );
    const url = new URL(lab.targetDatabase.url);
    [url.username, url.password] = [role, 'secret'];
    {
      await using pier = asInstallation(lab, 'pier', url.href);
      const { remarks } = await planShip(
        { ...pier, targetTemplate: 'tenant.pier_{ship}_{group}' },
        requestFor({ to: TO }),
      );
      expect(remarks.join('\n')).toMatch(
        /the installation without a name has a ledger here that this role may not read/,
      );
    }
    await lab.targetDatabase.query(`drop owned by ${role}; drop role ${role}`);
  });
});

describe("the name of an attempt's session", () => {
  const key = { ship: SHIP, fromUs: Date.parse(FROM) * 1_000, toUs: Date.parse(TO) * 1_000 };

  it('is that of the installation, so that attempts of two do not end each other', async () => {
    await using lab = await migrationLab();
    await using pier = asInstallation(lab, 'pier');
    await using dock = asInstallation(lab, 'dock');
    const names = [lab, pier, dock].map(({ target }) => attemptName(target, key, 1_000));
    expect(new Set(names).size).toBe(3);
    expect(names[0]).toMatch(new RegExp(`^fairlead/${SHIP}/`));
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });
});
