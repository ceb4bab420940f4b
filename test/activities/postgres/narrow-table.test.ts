import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import {
  createNarrowTable,
  describeSource,
  type Privilege,
} from '../../../activities/postgres/narrow-table.ts';
import { freshDatabase, type TestDatabase } from '../../database.ts';

const table = { schema: 'tenant', name: 'tbl_data_timeseries' };

async function asRole<T>(
  database: TestDatabase,
  sql: string,
  work: (client: Client) => Promise<T>,
) {
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(sql);
    return await work(client);
  } finally {
    await client.end();
  }
}

const look = (database: TestDatabase, name = table.name, privileges?: readonly Privilege[]) =>
  asRole(database, 'select', (client) => describeSource(client, { ...table, name }, privileges));

describe.each([13, 18] as const)('the narrow table on PostgreSQL %i', (major) => {
  it('is sound as the ships have it, with its key', async () => {
    await using database = await freshDatabase({ major });
    expect(await look(database)).toEqual({ ...table, hasKey: true });
  });

  it('is made where it is missing, and made only once', async () => {
    await using database = await freshDatabase({ major });
    const other = { schema: 'Fleet "2"', name: 'cells' };
    await asRole(database, 'select', async (client) => {
      await createNarrowTable(client, other);
      await createNarrowTable(client, other);
      expect(await describeSource(client, other)).toEqual({ ...other, hasKey: true });
    });
  });

  it('may be a view, and then has no key', async () => {
    await using database = await freshDatabase({ major });
    await database.query('create view tenant.cells as select * from tenant.tbl_data_timeseries');
    expect(await look(database, 'cells')).toMatchObject({ hasKey: false });
  });

  it('that is not there is named, with one that looks like it', async () => {
    await using database = await freshDatabase({ major });
    await expect(look(database, 'tbl_timeseries')).rejects.toMatchObject({
      code: 'source-table-invalid',
      message: 'table tenant.tbl_timeseries is not in the source database',
      hint: 'set [source] table = "tenant.tbl_data_timeseries" in fairlead.toml',
    });
  });

  it('with wrong columns is refused, with each of them', async () => {
    await using database = await freshDatabase({ major });
    await database.query(`alter table tenant.tbl_data_timeseries drop column str_v;
      alter table tenant.tbl_data_timeseries alter long_v type integer`);
    await expect(look(database)).rejects.toMatchObject({
      code: 'source-table-invalid',
      message:
        'table tenant.tbl_data_timeseries: column str_v (text) is missing; column long_v is int4, expected int8',
    });
  });

  it('that may not be read is refused, with the grants that are missing', async () => {
    await using database = await freshDatabase({ major });
    const role = `reader_${database.name}`;
    await database.query(`create role ${role}`);
    const lookAs = () =>
      asRole(database, `set role ${role}`, (client) =>
        describeSource(client, table, ['select', 'insert']),
      );
    await expect(lookAs()).rejects.toMatchObject({
      code: 'permission-denied',
      hint: `grant usage on schema "tenant" to "${role}"; grant select on "tenant"."tbl_data_timeseries" to "${role}";`,
    });
    await database.query(`grant usage on schema tenant to ${role};
      grant select on tenant.tbl_data_timeseries to ${role};`);
    await expect(lookAs()).rejects.toThrow(`role ${role} may not insert on`);
    await database.query(`drop owned by ${role}; drop role ${role}`);
  });
});
