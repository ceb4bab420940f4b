import type { Client } from 'pg';

export interface ComparedCells {
  /** In the source, in what was migrated. */
  source: number;
  /** Of them with a value, and equal in source and target. */
  equal: number;
  /** Of them without a value, and without one in the target. */
  nulls: number;
  lost: number;
  different: number;
  /** In more than one place. */
  doubled: number;
  /** In the target, and not in the source. */
  foreign: number;
  /** Rows of wide tables at instants of which the source knows nothing, and such that are missing. */
  wrongRows: number;
}

export type CountName = keyof ComparedCells;

const SOURCE = 'tenant.tbl_data_timeseries';

/**
 * Compares a ship's source with all that the target holds of it, cell by cell, in SQL that shares nothing with what
 * copied them: no COPY, no arrays, no checksums.
 */
export async function compareCells(
  client: Client,
  ship: string,
  { from, to }: { from: string; to: string },
): Promise<ComparedCells> {
  const tables = await wideTablesOf(client, ship);
  await client.query('drop table if exists target_cell');
  await client.query(
    'create temporary table target_cell (channel text, created_time timestamp, value text)',
  );
  let wrongRows = 0;
  for (const table of tables) {
    await client.query(
      `insert into target_cell
       select coalesce(data_channel_id, '?' || cell.key), w.created_time, cell.value
         from ${table.name} w cross join lateral jsonb_each_text(to_jsonb(w) - 'created_time') cell
         left join fairlead.channel_map m on m.ship_id = $1 and m.column_name = cell.key and m.table_name in ($2, $3)
        where cell.value is not null`,
      [ship, table.name.replaceAll('"', ''), table.bare],
    );
    wrongRows += await countWrongRows(client, ship, table, [from, to]);
  }
  await client.query(
    `insert into target_cell
     select data_channel_id, created_time, coalesce(double_v::text, long_v::text, bool_v::text, str_v)
       from fairlead.quarantine where ship_id = $1`,
    [ship],
  );
  await client.query('analyze target_cell');
  return { ...(await compare(client, ship, [from, to])), wrongRows };
}

interface WideTable {
  name: string;
  bare: string;
}

async function wideTablesOf(client: Client, ship: string): Promise<WideTable[]> {
  const { rows } = await client.query<WideTable>(
    `select c.oid::regclass::text as name, relname as bare
       from pg_class c join pg_namespace n on n.oid = relnamespace
      where nspname = 'tenant' and relkind = 'r' and starts_with(relname, $1) order by 1`,
    [`tbl_data_timeseries_${ship.toLowerCase()}_`],
  );
  return rows;
}

async function countWrongRows(
  client: Client,
  ship: string,
  { name, bare }: WideTable,
  range: readonly string[],
): Promise<number> {
  const { rows } = await client.query<{ wrong: number }>(
    `with expected as (
       select distinct created_time from ${SOURCE} s join fairlead.channel_map m using (ship_id, data_channel_id)
        where ship_id = $1 and m.table_name in ($2, $3)
          and created_time >= $4::timestamptz at time zone 'UTC' and created_time < $5::timestamptz at time zone 'UTC')
     select count(*)::int as wrong from expected e full join ${name} w using (created_time)
      where e.created_time is null or w.created_time is null`,
    [ship, name.replaceAll('"', ''), bare, ...range],
  );
  return rows[0]!.wrong;
}

async function compare(
  client: Client,
  ship: string,
  range: readonly string[],
): Promise<Omit<ComparedCells, 'wrongRows'>> {
  const { rows } = await client.query<Omit<ComparedCells, 'wrongRows'>>(
    `with source_cell as (
       select data_channel_id as channel, created_time, value_format, double_v, long_v, bool_v, str_v,
              num_nonnulls(double_v, long_v, bool_v, str_v) > 0 as has_value
         from ${SOURCE}
        where ship_id = $1 and created_time >= $2::timestamptz at time zone 'UTC' and created_time < $3::timestamptz at time zone 'UTC'),
     target as (
       select channel, created_time, min(value) as value, count(*) as times from target_cell group by 1, 2),
     joined as (
       select s.channel is not null as in_source, coalesce(s.has_value, false) as has_value,
              t.channel is not null as in_target, coalesce(t.times, 0) as times,
              case s.value_format
                when 'Decimal' then t.value::float8 = s.double_v when 'Integer' then t.value::bigint = s.long_v
                when 'Boolean' then t.value::boolean = s.bool_v else t.value = s.str_v end as is_equal
         from source_cell s full join target t using (channel, created_time))
     select count(*) filter (where in_source)::int as source,
            count(*) filter (where has_value and in_target and is_equal)::int as equal,
            count(*) filter (where in_source and not has_value and not in_target)::int as nulls,
            count(*) filter (where has_value and not in_target)::int as lost,
            count(*) filter (where has_value and in_target and is_equal is not true)::int as different,
            coalesce(sum(times - 1) filter (where times > 1), 0)::int as doubled,
            count(*) filter (where in_target and not has_value)::int as foreign
       from joined`,
    [ship, ...range],
  );
  return rows[0]!;
}
