import type { ClientBase } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import { findInstallation } from './fairlead-schema.ts';
import {
  installationOf,
  installationOfSchema,
  ledgerOf,
  ledgerSchemaOf,
  quoteSchema,
  USUAL_LEDGER,
} from './ledger-schema.ts';

/** The ledger of another installation in the same database. */
interface OtherLedger {
  schema: string;
  /** Without the right to read its channel map, nobody can tell which tables are its own. */
  isReadable: boolean;
}

/**
 * A wide table has one writer: two would overwrite each other's values, and each take the other's for damage.
 *
 * @param tables as `channel_map` bears them
 * @throws {FairleadError} `table-taken` when another installation's map has one of them
 */
export async function refuseTablesOfOthers(
  client: ClientBase,
  tables: Iterable<string>,
): Promise<void> {
  for (const { schema, isReadable } of await listOtherLedgers(client)) {
    if (!isReadable) continue;
    const { rows } = await client.query<{ table: string }>(
      `select distinct table_name as "table" from ${quoteSchema(schema)}.channel_map where table_name = any ($1) order by 1`,
      [[...tables]],
    );
    const taken = rows.map(({ table }) => table);
    if (taken.length > 0) throw await tableTaken(client, taken, schema);
  }
}

/** What an operator should know of other installations' ledgers that could not be looked at. */
export async function remarksOnOthers(client: ClientBase): Promise<string[]> {
  const others = await listOtherLedgers(client);
  return others
    .filter(({ isReadable }) => !isReadable)
    .map(({ schema }) => {
      const name = quoteSchema(schema);
      return `${wordsFor(schema)} has a ledger here that this role may not read, so nothing tells whether it writes the same wide tables; to let that be checked: grant usage on schema ${name} to …; grant select on ${name}.channel_map to …;`;
    });
}

async function listOtherLedgers(client: ClientBase): Promise<OtherLedger[]> {
  const { rows } = await client.query<OtherLedger>(
    `select n.nspname as schema,
            has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as "isReadable"
       from pg_namespace n join pg_class c on c.relnamespace = n.oid and c.relname = 'channel_map'
      where (n.nspname = $1 or starts_with(n.nspname, $1 || '_')) and n.nspname <> $2
        and exists (select from pg_class i where i.relnamespace = n.oid and i.relname = 'installation')
      order by 1`,
    [USUAL_LEDGER, ledgerSchemaOf(installationOf(client))],
  );
  return rows;
}

const wordsFor = (schema: string): string => {
  const name = installationOfSchema(schema);
  return name === undefined ? 'the installation without a name' : `installation ${name}`;
};

async function tableTaken(
  client: ClientBase,
  tables: readonly string[],
  schema: string,
): Promise<FairleadError> {
  const own = ledgerSchemaOf(installationOf(client));
  const belongs = `${tables.join(', ')} ${tables.length === 1 ? 'belongs' : 'belong'}`;
  return new FairleadError(
    'table-taken',
    `${belongs} to ${wordsFor(schema)} (schema ${schema}), and this is ${wordsFor(own)} (schema ${own})`,
    { hint: [...otherTables(client), ...(await takeOver(client, schema))].join('\n') },
  );
}

function otherTables(client: ClientBase): string[] {
  const suffix = (installationOf(client) ?? 'main').toLowerCase().replaceAll('-', '_');
  return [
    'Name other tables in fairlead.toml:',
    '[target]',
    `table = "tenant.tbl_data_timeseries_${suffix}_{ship}_{group}"`,
  ];
}

/** Named installations had no schema of their own before; what was made just now of the new one is empty. */
async function takeOver(client: ClientBase, schema: string): Promise<string[]> {
  const own = ledgerOf(client);
  if (schema !== USUAL_LEDGER || own === USUAL_LEDGER) return [];
  const isMade = (await findInstallation(client)) !== undefined;
  const isUsed =
    isMade &&
    (
      await client.query(
        `select from ${own}.channel_map union all select from ${own}.chunk limit 1`,
      )
    ).rows.length > 0;
  if (isUsed) return [];
  return [
    "-- or, where that ledger is this installation's own, from before each had a schema of its own:",
    ...(isMade ? [`drop schema ${own} cascade;`] : []),
    `alter schema ${schema} rename to ${own};`,
  ];
}
