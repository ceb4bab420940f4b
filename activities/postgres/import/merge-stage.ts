import type { ClientBase } from 'pg';
import { formatInstant, parseInstant } from '../../../domain/time.ts';
import { narrowColumnNames, quoteTable, type NarrowTable } from '../narrow-table.ts';
import { invalid } from './check-utf8.ts';

export const STAGE = 'pg_temp.fairlead_import';

/** A table of this session for what the file holds, gone at the end of the transaction. */
export async function createStage(client: ClientBase): Promise<void> {
  await client.query(`create temporary table fairlead_import (
    line bigint, ship_id text, data_channel_id text, created_time timestamp,
    server_created_time timestamp, value_format text, bool_v boolean, str_v text, long_v bigint,
    double_v double precision) on commit drop`);
}

export interface MergeResult {
  imported: number;
  alreadyThere: number;
  ships: string[];
  /** ISO 8601, the first and the last instant; null when the file has no row with one. */
  from: string | null;
  to: string | null;
}

/**
 * Puts into the narrow table what is not there yet.
 *
 * @throws {FairleadError} `import-invalid` when a row has the key of another one, and other values
 */
export async function mergeStage(client: ClientBase, table: NarrowTable): Promise<MergeResult> {
  await client.query(`analyze ${STAGE}`);
  const imported = await insertNew(client, table);
  if (table.hasKey) await refuseDifferentValues(client, table);
  const summary = await summarize(client);
  return { imported, alreadyThere: summary.rows - imported, ...summary.span };
}

/** Null-safe, and to the bit: 0.0 and -0.0 are different values, NaN and NaN are one. */
const sameValues = `(s.value_format, s.bool_v, s.str_v, s.long_v, float8send(s.double_v))
  is not distinct from (t.value_format::text, t.bool_v, t.str_v, t.long_v, float8send(t.double_v))`;

const sameKey = `t.ship_id = s.ship_id and t.data_channel_id = s.data_channel_id
  and t.created_time = s.created_time`;

/** In the order of the file, which is the order on disk. */
async function insertNew(client: ClientBase, table: NarrowTable): Promise<number> {
  const columns = narrowColumnNames.join(', ');
  const notThere = `where not exists (select from ${quoteTable(table)} t
    where ${sameKey} and ${sameValues})`;
  const { rowCount } = await client.query(
    `insert into ${quoteTable(table)} (${columns}) select ${columns} from ${STAGE} s
     ${table.hasKey ? '' : notThere} order by line
     ${table.hasKey ? 'on conflict (ship_id, data_channel_id, created_time) do nothing' : ''}`,
  );
  return rowCount ?? 0;
}

async function refuseDifferentValues(client: ClientBase, table: NarrowTable): Promise<void> {
  const show = (alias: string) =>
    `concat_ws(' ', ${alias}.value_format, coalesce(${alias}.bool_v::text,
      quote_literal(left(${alias}.str_v, 40)), ${alias}.long_v::text, ${alias}.double_v::text, 'NULL'))`;
  const { rows } = await client.query<Record<'line' | 'key' | 'ours' | 'theirs' | 'all', string>>(
    `select s.line, s.ship_id || ' ' || s.data_channel_id || ' ' || s.created_time as key,
       ${show('s')} as ours, ${show('t')} as theirs, count(*) over () as all
     from ${STAGE} s join ${quoteTable(table)} t on ${sameKey}
     where not (${sameValues}) order by s.line limit 1`,
  );
  const first = rows[0];
  if (!first) return;
  throw invalid(
    `line ${first.line}: ${first.key} is ${first.ours} here, and ${first.theirs} in the table or on an earlier line` +
      ` (the first of ${first.all} such rows), none imported`,
    { hint: 'take these lines out of the file, or delete the rows of the table first' },
  );
}

async function summarize(client: ClientBase) {
  const { rows } = await client.query<{
    rows: string;
    ships: string[] | null;
    from: string | null;
    to: string | null;
  }>(
    `select count(*) as rows, array_agg(distinct ship_id) as ships,
       ${finite('min')} as from, ${finite('max')} as to from ${STAGE}`,
  );
  const { ships, from, to } = rows[0]!;
  const iso = (text: string | null) => text && formatInstant(parseInstant(text));
  return {
    rows: Number(rows[0]!.rows),
    span: { ships: ships ?? [], from: iso(from), to: iso(to) },
  };
}

const finite = (aggregate: 'min' | 'max'): string =>
  `(${aggregate}(created_time) filter (where isfinite(created_time)))::text`;
