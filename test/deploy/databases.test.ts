import { expect, it } from 'vitest';
import { createNarrowTable } from '../../activities/postgres/narrow-table.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { readComposeFile, readText } from './compose-file.ts';

const script = readText('deploy/compose/databases.sql');

/** What psql does for itself, and what is of another database, is tried by `npm run test:cluster`. */
const narrowTableSql = script.slice(script.indexOf('create schema tenant'));

async function withoutTable(): Promise<TestDatabase> {
  const database = await freshDatabase();
  await database.query('drop schema tenant cascade');
  return database;
}

async function describeTable(database: TestDatabase): Promise<unknown[]> {
  const columns = await database.query(
    `select column_name, data_type, character_maximum_length, is_nullable, column_default
       from information_schema.columns where table_schema = 'tenant' order by ordinal_position`,
  );
  const indexes = await database.query(
    `select indexdef from pg_indexes where schemaname = 'tenant' order by 1`,
  );
  return [columns, indexes].map(({ rows }) => rows);
}

it('makes the narrow table that Fairlead makes in a database of its own', async () => {
  await using byScript = await withoutTable();
  await using byFairlead = await withoutTable();
  await byScript.query(narrowTableSql);
  const client = await byFairlead.pool.connect();
  await createNarrowTable(client, { schema: 'tenant', name: 'tbl_data_timeseries' });
  client.release();
  expect(await describeTable(byScript)).toEqual(await describeTable(byFairlead));
});

it('reads the passwords that docker-compose.yml gives it', () => {
  const asked = [...script.matchAll(/\\getenv \w+ (\w+)/g)].map(([, name]) => name!);
  const given = Object.keys(readComposeFile().services['postgres']!.environment!);
  expect(given.toSorted()).toEqual([...asked, 'POSTGRES_PASSWORD'].toSorted());
});
