import { randomBytes } from 'node:crypto';
import { Pool } from 'pg';
import type { QueryResult, QueryResultRow } from 'pg';
import { inject } from 'vitest';
import { runSql } from './run-sql.ts';
import type { PostgresMajor } from '../workers/stack/postgres-binaries.ts';
import { TEMPLATE_DATABASE } from './narrow-table.ts';

export type TestDatabase = AsyncDisposable & {
  /** The superuser's, with password. */
  url: string;
  name: string;
  pool: Pool;
  query<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<QueryResult<Row>>;
};

/**
 * A database of its own, with the narrow table, empty; dropped at the end, with whoever is still connected.
 *
 * ```ts
 * await using database = await freshDatabase({ major: 13 });
 * ```
 */
export async function freshDatabase(
  options: { major?: PostgresMajor } = {},
): Promise<TestDatabase> {
  const server = inject('postgresUrls')[options.major ?? 18];
  const name = `test_${randomBytes(6).toString('hex')}`;
  await runSql(server, `create database ${name} template ${TEMPLATE_DATABASE}`);
  const url = new URL(server);
  url.pathname = name;
  const pool = new Pool({ connectionString: url.href, max: 4 });
  pool.on('error', () => undefined);
  return {
    url: url.href,
    name,
    pool,
    query: (sql, values) => pool.query(sql, values),
    [Symbol.asyncDispose]: async () => {
      await pool.end();
      await runSql(server, `drop database ${name} with (force)`);
    },
  };
}
