import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { Client } from 'pg';
import { openPool, withConnection } from '../../activities/postgres/connection.ts';
import { prepareSchema } from '../../activities/postgres/fairlead-schema.ts';
import { ledgerSchemaOf } from '../../activities/postgres/ledger-schema.ts';
import type { PostgresMajor } from '../../workers/stack/postgres-binaries.ts';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import {
  cell,
  copy,
  insertCells,
  MAJORS,
  migrationLab,
  planAndPrepare,
  second,
  type MigrationLab,
} from '../migration-databases.ts';

const page = readFileSync(join(packageRoot, 'docs', 'operate.md'), 'utf8');

/** The block of SQL that the page marks with this name. */
const sqlOf = (name: string): string =>
  new RegExp(`<!-- test: ${name} -->\\n\\n\`\`\`sql\\n([^]*?)\`\`\``).exec(page)![1]!;

/** Names for the page's roles that no other test uses; the roles go at the end, after the databases. */
async function testRoles(major: PostgresMajor) {
  const suffix = randomBytes(4).toString('hex');
  const [reader, writer] = [`fairlead_reader_${suffix}`, `fairlead_writer_${suffix}`];
  const password = randomBytes(8).toString('hex');
  const urlFor = (role: string) => (url: string) => {
    const own = new URL(url);
    [own.username, own.password] = [role, password];
    return own.href;
  };
  return {
    sourceUrl: urlFor(reader),
    targetUrl: urlFor(writer),
    apply: async (database: TestDatabase, name: string, adapt = (sql: string) => sql) => {
      const sql = adapt(sqlOf(name))
        .replace(/fairlead_(reader|writer)\b/g, `$&_${suffix}`)
        .replaceAll('tenant_builder', database.name);
      await database.query(sql);
      for (const role of [reader, writer])
        await database.query(`alter role ${role} password '${password}'`);
    },
    [Symbol.asyncDispose]: async () => {
      const client = new Client({ connectionString: inject('postgresUrls')[major] });
      await client.connect();
      await client.query(`drop role if exists ${reader}, ${writer}`);
      await client.end();
    },
  };
}

/** Migrates one chunk, makes a column later, and merges into a row of another writer. */
async function migrateAll(lab: MigrationLab): Promise<void> {
  await insertCells(lab, [cell('Decimal', '/a', second(0), 1.5)]);
  const plan = await planAndPrepare(lab);
  await expect(copy(lab, plan)).resolves.toMatchObject({ status: 'done', cells: { written: 1 } });
  await insertCells(lab, [cell('Integer', '/late', second(15), 2)]);
  await lab.targetDatabase.query(
    `insert into ${plan.tables[0]} (created_time, "/a") values ('2025-06-15 02:00:15', 3)`,
  );
  const again = await planAndPrepare(lab, { redo: true });
  await expect(copy(lab, again)).resolves.toMatchObject({ foreign: 1, cells: { written: 2 } });
}

/** What a ledger's schema consists of. */
async function describeSchema(database: TestDatabase, schema: string): Promise<unknown[]> {
  const columns = await database.query(
    `select table_name, ordinal_position, column_name, data_type, is_nullable, column_default
       from information_schema.columns where table_schema = $1 order by 1, 2`,
    [schema],
  );
  const constraints = await database.query(
    `select conrelid::regclass::text as name, pg_get_constraintdef(oid) as definition from pg_constraint
      where connamespace = $1::regnamespace order by 1, 2`,
    [schema],
  );
  const indexes = await database.query(
    `select indexdef from pg_indexes where schemaname = $1 order by 1`,
    [schema],
  );
  const version = await database.query(`select version from ${schema}.installation`);
  return [columns, constraints, indexes, version].map(({ rows }) => rows);
}

describe.each(MAJORS)('docs/operate.md on PostgreSQL %i', (major) => {
  it('names all the rights that a migration needs', async () => {
    await using roles = await testRoles(major);
    await using lab = await migrationLab({ major, ...roles });
    await roles.apply(lab.sourceDatabase, 'roles');
    await migrateAll(lab);
  });

  it.each([undefined, 'pier'])(
    'has the schema that a migration of installation %s makes',
    async (installation) => {
      const schema = ledgerSchemaOf(installation);
      await using roles = await testRoles(major);
      await using byHand = await freshDatabase({ major });
      await using byFairlead = await freshDatabase({ major });
      await roles.apply(byHand, 'roles');
      await roles.apply(byHand, 'schema', (sql) => sql.replace(/\bfairlead\b/g, schema));
      const pool = openPool({
        url: byFairlead.url,
        role: 'target',
        maxConnections: 1,
        installation,
      });
      await withConnection(pool, { name: 'test' }, prepareSchema);
      await pool.end();
      expect(await describeSchema(byHand, schema)).toEqual(
        await describeSchema(byFairlead, schema),
      );
    },
  );

  // Making the first wide table asks for `create schema if not exists`, which PostgreSQL refuses before it looks
  // whether the schema is there.
  it('lets a role migrate that may not make a schema, once it is made', async () => {
    await using roles = await testRoles(major);
    await using lab = await migrationLab({ major, ...roles });
    const { sourceDatabase: database } = lab;
    await roles.apply(database, 'roles');
    await roles.apply(database, 'schema');
    const { username } = new URL(roles.targetUrl(database.url));
    await database.query(`revoke create on database ${database.name} from ${username}`);
    await migrateAll(lab);
  });

  it('moves readers over from the old tables, and back', async () => {
    await using lab = await migrationLab({
      major,
      targetTemplate: 'wide.tbl_data_timeseries_{ship}_{group}',
    });
    const { sourceDatabase: database } = lab;
    const [table, other] = ['tenant.tbl_data_timeseries_imo9976903_1', 'wide.other'];
    await database.query(`create schema wide; create table ${other} ()`);
    await database.query(`create table ${table} (created_time timestamp, "/a" double precision)`);
    await insertCells(lab, [cell('Boolean', '/a', second(0), true)]);
    const plan = await planAndPrepare(lab);
    await copy(lab, plan);
    const read = async () => (await database.query(`select "/a" from ${table}`)).rows;
    const reporting = `reporting_${randomBytes(4).toString('hex')}`;
    await database.query(`create role ${reporting}; grant usage on schema tenant to ${reporting}`);
    try {
      const moveOver = sqlOf('move-over').replaceAll('reporting', reporting);
      await database.query(moveOver);
      await database.query(moveOver); // as for a ship that comes later
      expect(await read()).toEqual([{ '/a': true }]);
      const right = await database.query(
        `select has_table_privilege('${reporting}', '${table}', 'select') as granted`,
      );
      expect(right.rows).toEqual([{ granted: true }]);
      await database.query(sqlOf('move-back'));
      expect(await read()).toEqual([]);
    } finally {
      await database.query(`drop owned by ${reporting}; drop role ${reporting}`);
    }
  });
});
