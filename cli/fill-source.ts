import type { PoolClient } from 'pg';
import { inTransaction, openPool, withConnection } from '../activities/postgres/connection.ts';
import {
  describeSource,
  quoteTable,
  type NarrowTable,
} from '../activities/postgres/narrow-table.ts';
import type { TableName } from '../domain/table-name.ts';
import type { Configuration } from '../workers/configuration.ts';
import { resolveDatabase } from '../workers/resolve-database.ts';

export interface FillWork<T> {
  /** `import` or `generate`, as `pg_stat_activity` shows it. */
  name: string;
  signal: AbortSignal;
  /** Makes the table in a database of our own, where it is missing or empty; runs in the transaction. */
  prepare(client: PoolClient, table: TableName, fill: Fill<T>): Promise<T>;
  fill(client: PoolClient, table: NarrowTable, freeze: boolean): Promise<T>;
}

type Fill<T> = (freeze: boolean) => Promise<T>;

/**
 * Runs one transaction that writes to the narrow table, and lets the planner know what is in it afterwards.
 *
 * @throws {FairleadError} among others `source-table-invalid`: a user's own database is left as it is
 */
export async function fillSource<T>(configuration: Configuration, work: FillWork<T>): Promise<T> {
  const { url, passwordFile, own } = resolveDatabase(configuration, 'source');
  const { table } = configuration.source;
  const timing = configuration.connections;
  const pool = openPool({ url, passwordFile, role: 'source', maxConnections: 1, timing });
  const use = { name: `fairlead/${work.name}`, purpose: 'fill' as const, signal: work.signal };
  try {
    return await withConnection(pool, use, async (client) => {
      const fill = async (freeze: boolean) =>
        work.fill(client, await describeSource(client, table, ['select', 'insert']), freeze);
      const result = await inTransaction(client, () =>
        own ? work.prepare(client, table, fill) : fill(false),
      );
      await client.query(`analyze ${quoteTable(table)}`);
      return result;
    });
  } finally {
    await pool.end();
  }
}
