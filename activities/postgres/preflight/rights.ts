import { escapeIdentifier, type PoolClient } from 'pg';
import type { FairleadError } from '../../../domain/errors.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { fillTableTemplate, type TableName } from '../../../domain/table-name.ts';
import { installationOf, ledgerOf, ledgerSchemaOf } from '../ledger-schema.ts';
import { describeSource, quoteTable } from '../narrow-table.ts';
import { attempt, look, type Deadline, type Side } from './look.ts';

/** What the role may do on the source: see all of the narrow table, and no more. */
export function checkSourceRights(
  side: Side,
  table: TableName,
  deadline: Deadline,
): Promise<Check[]> {
  return attempt('rights', 'source', 'select', async () => {
    const { good } = checksOf('rights', 'source');
    return look(side.pool, deadline, async (client) => {
      await describeSource(client, table);
      return [
        good(
          'select',
          `${side.facts.user} may read ${quoteTable(table)}, which has the columns it needs`,
        ),
        await rowSecurityCheck(client, side, table),
      ];
    });
  });
}

/** Rows that a policy hides are cells that nobody would miss. */
async function rowSecurityCheck(
  client: PoolClient,
  { facts }: Side,
  table: TableName,
): Promise<Check> {
  const { good, look: toLookAt } = checksOf('rights', 'source');
  const { rows } = await client.query('select row_security_active($1::regclass) as active', [
    quoteTable(table),
  ]);
  if (!rows[0].active) return good('row security', 'no policy hides rows from the role');
  return toLookAt(
    'row security',
    `policies hide rows from ${facts.user}: what it cannot see is not migrated, and nobody is told`,
    `alter role ${escapeIdentifier(facts.user)} bypassrls;`,
  );
}

/** One right that is needed, whether it is there, and the statement that gives it. */
interface Need {
  what: string;
  isThere: boolean;
  grant: string;
}

/** What the role may do on the target: make the ledger's schema, wide tables, temporary tables. */
export function checkTargetRights(
  side: Side,
  template: string,
  ships: readonly string[],
  deadline: Deadline,
): Promise<Check[]> {
  return attempt('rights', 'target', 'rights', () =>
    look(side.pool, deadline, async (client) => [
      rightsCheck('temporary tables', await temporaryNeeds(client, side)),
      rightsCheck(
        `schema ${ledgerSchemaOf(installationOf(client))}`,
        await ledgerNeeds(client, side),
      ),
      rightsCheck('wide tables', await schemaNeeds(client, side, schemasOf(template, ships))),
    ]),
  );
}

function rightsCheck(name: string, needs: readonly Need[]): Check {
  const { good, stop } = checksOf('rights', 'target');
  const missing = needs.filter(({ isThere }) => !isThere);
  const list = (some: readonly Need[]) => some.map(({ what }) => what).join(', ');
  if (missing.length === 0) return good(name, `may ${list(needs)}`);
  return stop(name, `may not ${list(missing)}`, missing.map(({ grant }) => grant).join('\n'));
}

const schemasOf = (template: string, ships: readonly string[]): string[] => [
  ...new Set(
    (ships.length > 0 ? ships : ['ship']).map(
      (ship) => fillTableTemplate(template, ship, '1').schema,
    ),
  ),
];

async function temporaryNeeds(client: PoolClient, { facts }: Side): Promise<Need[]> {
  const isThere = await ask(client, `has_database_privilege(current_database(), 'temporary')`);
  const grant = `grant temporary on database ${escapeIdentifier(facts.database)} to ${escapeIdentifier(facts.user)};`;
  return [{ what: 'make temporary tables, for merging', isThere, grant }];
}

async function createSchemaNeed(
  client: PoolClient,
  { facts }: Side,
  schema: string,
): Promise<Need> {
  return {
    what: `make schema ${schema}`,
    isThere: await ask(client, `has_database_privilege(current_database(), 'create')`),
    grant: `grant create on database ${escapeIdentifier(facts.database)} to ${escapeIdentifier(facts.user)};`,
  };
}

const schemaExists = (client: PoolClient, schema: string): Promise<boolean> =>
  ask(client, 'exists (select from pg_namespace where nspname = $1)', [schema]);

async function onSchema(
  client: PoolClient,
  { facts }: Side,
  schema: string,
  privileges: readonly string[],
): Promise<Need[]> {
  const needs: Need[] = [];
  for (const privilege of privileges)
    needs.push({
      what: privilege === 'create' ? `make tables in schema ${schema}` : `use schema ${schema}`,
      isThere: await ask(client, 'has_schema_privilege($1::text, $2)', [schema, privilege]),
      grant: `grant ${privilege} on schema ${escapeIdentifier(schema)} to ${escapeIdentifier(facts.user)};`,
    });
  return needs;
}

async function schemaNeeds(
  client: PoolClient,
  side: Side,
  schemas: readonly string[],
): Promise<Need[]> {
  const needs: Need[] = [];
  for (const schema of schemas)
    needs.push(
      ...((await schemaExists(client, schema))
        ? await onSchema(client, side, schema, ['usage', 'create'])
        : [await createSchemaNeed(client, side, schema)]),
    );
  return needs;
}

/** By table of the ledger's schema, what a migration does there. */
const LEDGER_RIGHTS = {
  installation: ['select'],
  channel_map: ['select', 'insert', 'update', 'delete'],
  chunk: ['select', 'insert', 'update', 'delete'],
  quarantine: ['select', 'insert', 'update', 'delete'],
} as const;

async function ledgerNeeds(client: PoolClient, side: Side): Promise<Need[]> {
  const schema = ledgerSchemaOf(installationOf(client));
  if (!(await schemaExists(client, schema))) return [await createSchemaNeed(client, side, schema)];
  const { rows } = await client.query(
    `select relname as name from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p')`,
    [ledgerOf(client)],
  );
  const tables = new Set(rows.map(({ name }) => name as string));
  if (!tables.has('installation')) return onSchema(client, side, schema, ['usage', 'create']);
  const needs = await onSchema(client, side, schema, ['usage']);
  for (const [table, privileges] of Object.entries(LEDGER_RIGHTS))
    if (tables.has(table)) needs.push(await tableNeed(client, side, table, privileges));
  return needs;
}

async function tableNeed(
  client: PoolClient,
  { facts }: Side,
  table: string,
  privileges: readonly string[],
): Promise<Need> {
  const missing: string[] = [];
  for (const privilege of privileges) {
    const has = 'has_table_privilege(c.oid, $2)';
    const text = `(select ${has} from pg_class c where relnamespace = $3::regnamespace and relname = $1)`;
    if (!(await ask(client, text, [table, privilege, ledgerOf(client)]))) missing.push(privilege);
  }
  return {
    what: `${(missing.length > 0 ? missing : privileges).join('/')} on ${ledgerOf(client)}.${table}`,
    isThere: missing.length === 0,
    grant: `grant ${missing.join(', ')} on ${ledgerOf(client)}.${table} to ${escapeIdentifier(facts.user)};`,
  };
}

async function ask(
  client: PoolClient,
  expression: string,
  values: readonly string[] = [],
): Promise<boolean> {
  const { rows } = await client.query(`select ${expression} as answer`, [...values]);
  return rows[0].answer;
}

/** Of wide tables that exist: who owns them, and what happens to rows on their way in. */
export async function checkWideTables(
  client: PoolClient,
  { facts }: Side,
  ship: string,
  tables: readonly string[],
): Promise<Check[]> {
  const { good, look: toLookAt, stop } = checksOf('rights', ship);
  const { rows } = await client.query(
    `select c.oid::regclass::text as name, pg_has_role(c.relowner, 'usage') as is_own,
            pg_get_userbyid(c.relowner) as owner,
            exists (select from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D') as has_triggers
       from unnest($1::text[]) as wide (name) join pg_class c on c.oid = to_regclass(wide.name)`,
    [tables],
  );
  if (rows.length === 0) return [];
  const foreign = rows.filter(({ is_own: isOwn }) => !isOwn);
  const triggered = rows.filter(({ has_triggers: hasTriggers }) => hasTriggers);
  return [
    foreign.length === 0
      ? good('owner of wide tables', `${rows.length} exist already, and belong to ${facts.user}`)
      : stop(
          'owner of wide tables',
          `${foreign.map(({ name, owner }) => `${name} belongs to ${owner}`).join(', ')}: only its owner can add columns`,
          foreign
            .map(({ name }) => `alter table ${name} owner to ${escapeIdentifier(facts.user)};`)
            .join('\n'),
        ),
    ...(triggered.length === 0
      ? []
      : [
          toLookAt(
            'triggers',
            `${triggered.map(({ name }) => name).join(', ')}: a trigger that changes rows makes every proof fail`,
            triggered.map(({ name }) => `alter table ${name} disable trigger user;`).join('\n'),
          ),
        ]),
  ];
}

/** Errors of a look that already say what to type, without the words around the statements. */
export function statementsOf(error: FairleadError): string | null {
  const { hint } = error;
  if (hint === undefined) return null;
  const lines = hint.split('\n');
  return lines.length > 1 ? lines.slice(1).join('\n') : hint;
}
