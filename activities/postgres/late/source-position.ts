import { setTimeout as sleep } from 'node:timers/promises';
import { escapeLiteral, type ClientBase } from 'pg';
import type { TableName } from '../../../domain/table-name.ts';
import { quoteTable } from '../narrow-table.ts';

/** A table that holds rows: the narrow table itself, or one of its partitions. */
export interface Leaf {
  oid: number;
  /** As SQL spells it. */
  name: string;
  kind: string;
  /** Whether this role may read it by itself: leave to read a partitioned table is none for its partitions. */
  isReadable: boolean;
  isHeap: boolean;
  filenode: number;
  blocks: number;
  /** A visibility map is made by the first VACUUM, and by COPY FREEZE. */
  hasMap: boolean;
  updated: number;
  deleted: number;
  idIndex: string | null;
  timeIndex: string | null;
}

/** How far the source has come, and all that tells whether what comes later can be told from it. */
export interface SourcePosition {
  /** System, timeline and database: after a failover or a restore another one. */
  server: string;
  major: number;
  isStandby: boolean;
  startedAt: string;
  statsReset: string;
  table: number;
  /** Whether each id is drawn from one ascending sequence, one by one, as the row is inserted, and not on another server. */
  hasOrderlyIds: boolean;
  hasId: boolean;
  leaves: Leaf[];
  /** The highest id and stamp that were found cheaply; the table may hold higher ones. */
  id: string | null;
  stamp: string | null;
  /** Whether rows bear no stamp; told where there is an index on it. */
  hasUnstamped: boolean;
  /** Virtual transactions that might have been writing then. */
  writers: Writer[];
}

export interface Writer {
  transaction: string;
  pid: number;
}

/** Whoever inserts holds one of these locks on the table from before the first id is drawn until the transaction ends. */
const WRITING =
  "('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";

/**
 * Notes how far the source has come. Whoever was writing when that was read is named: rows of theirs may lie
 * before it and show later. Others' rows lie before it and are there, or lie behind it.
 *
 * @param patienceMs so long it waits for the writers to end
 */
export async function notePosition(
  client: ClientBase,
  table: TableName,
  patienceMs: number,
): Promise<SourcePosition> {
  const facts = await readFacts(client, table);
  const leaves = await readLeaves(client, table);
  const highest = isReadable(facts, leaves) ? await readHighest(client, facts, leaves) : {};
  const nothing = { id: null, stamp: null, hasUnstamped: false, writers: [] as Writer[] };
  const position: SourcePosition = { ...facts, leaves, ...nothing, ...highest };
  position.writers = await readWriters(client, facts.table);
  const endsAt = performance.now() + patienceMs;
  while (position.writers.length > 0 && performance.now() < endsAt) {
    await sleep(50);
    position.writers = await stillWriting(client, position);
  }
  return position;
}

/** What a position would be good for, from the catalog alone: nothing of the table is read. */
export async function describePosition(
  client: ClientBase,
  table: TableName,
): Promise<SourcePosition & { rows: number }> {
  const facts = await readFacts(client, table);
  const leaves = await readLeaves(client, table);
  const { rows } = await client.query(
    `select coalesce(sum(greatest(reltuples, 0)), 0)::float8 as rows from pg_class where oid::int8 = any ($1::int8[])`,
    [leaves.map(({ oid }) => oid)],
  );
  const imagined = { id: '0', stamp: '-infinity', hasUnstamped: false, writers: [] };
  return { ...facts, leaves, ...imagined, rows: rows[0].rows };
}

type Highest = Pick<SourcePosition, 'id' | 'stamp' | 'hasUnstamped'>;
type Facts = Omit<SourcePosition, 'leaves' | 'writers' | keyof Highest>;

const isReadable = ({ isStandby }: Facts, leaves: readonly Leaf[]): boolean =>
  !isStandby && leaves.every((leaf) => leaf.kind === 'r' && leaf.isReadable);

async function readFacts(client: ClientBase, table: TableName): Promise<Facts> {
  const { rows } = await client.query(
    `select ${await identity(client)} as server,
            current_setting('server_version_num')::int / 10000 as major, pg_is_in_recovery() as "isStandby",
            pg_postmaster_start_time()::text as "startedAt",
            (select coalesce(stats_reset::text, '') from pg_stat_database where datname = current_database()) as "statsReset",
            exists (select from pg_attribute where attrelid = $1::regclass and attname = 'id' and not attisdropped) as "hasId",
            $1::regclass::oid::int8::float8 as table`,
    [quoteTable(table)],
  );
  return { ...rows[0], hasOrderlyIds: await hasOrderlyIds(client, table) };
}

/** System, timeline and database, as far as this role may ask for them. */
async function identity(client: ClientBase): Promise<string> {
  const { rows } = await client.query(
    `select has_function_privilege('pg_control_system()', 'execute') as system,
            not pg_is_in_recovery() and has_function_privilege('pg_walfile_name(pg_lsn)', 'execute') as timeline`,
  );
  return [
    rows[0].system ? '(select system_identifier::text from pg_control_system())' : `'-'`,
    rows[0].timeline ? 'left(pg_walfile_name(pg_current_wal_lsn()), 8)' : `'-'`,
    '(select oid::text from pg_database where datname = current_database())',
  ].join(` || '/' || `);
}

const TREE = `tree as (
  select $1::regclass::oid as oid
  union all
  select i.inhrelid from pg_inherits i join tree on tree.oid = i.inhparent)`;

async function hasOrderlyIds(client: ClientBase, table: TableName): Promise<boolean> {
  const { rows } = await client.query(
    `with recursive ${TREE}, drawn as (
       select dep.refobjid as oid
         from tree join pg_attribute a on a.attrelid = tree.oid and a.attname = 'id'
         join pg_attrdef def on def.adrelid = a.attrelid and def.adnum = a.attnum
         join pg_depend dep on dep.classid = 'pg_attrdef'::regclass and dep.objid = def.oid and dep.refclassid = 'pg_class'::regclass
       union
       select dep.objid from tree join pg_attribute a on a.attrelid = tree.oid and a.attname = 'id' and a.attidentity <> ''
         join pg_depend dep on dep.classid = 'pg_class'::regclass and dep.refclassid = 'pg_class'::regclass
          and dep.refobjid = a.attrelid and dep.refobjsubid = a.attnum and dep.deptype = 'i')
     select count(*) = 1 and bool_and(s.seqcache = 1 and s.seqincrement > 0 and not s.seqcycle)
            and not exists (select from pg_subscription_rel r join tree on r.srrelid = tree.oid)
            and (select bool_and(coalesce(a.attnotnull, false)) from tree left join pg_attribute a on a.attrelid = tree.oid and a.attname = 'id') as orderly
       from drawn join pg_sequence s on s.seqrelid = drawn.oid`,
    [quoteTable(table)],
  );
  return rows[0].orderly ?? false;
}

const indexOn = (column: string): string => `
  (select x.indexrelid::regclass::text from pg_index x join pg_class ix on ix.oid = x.indexrelid join pg_am am on am.oid = ix.relam
     join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
    where x.indrelid = c.oid and x.indisvalid and x.indisready and x.indpred is null and am.amname = 'btree' and a.attname = '${column}'
    order by x.indnatts limit 1)`;

async function readLeaves(client: ClientBase, table: TableName): Promise<Leaf[]> {
  const { rows } = await client.query(
    `with recursive ${TREE}
     select c.oid::int8::float8 as oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind::text as kind,
            has_table_privilege(c.oid, 'select') as "isReadable",
            coalesce((select amname = 'heap' from pg_am where oid = c.relam), false) as "isHeap", c.relfilenode::int8::float8 as filenode,
            (coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int)::float8 as blocks,
            coalesce(pg_relation_size(c.oid, 'vm'), 0) > 0 as "hasMap",
            coalesce(s.n_tup_upd, 0)::float8 as updated, coalesce(s.n_tup_del, 0)::float8 as deleted,
            ${indexOn('id')} as "idIndex", ${indexOn('server_created_time')} as "timeIndex"
       from tree join pg_class c using (oid) join pg_namespace n on n.oid = c.relnamespace left join pg_stat_all_tables s on s.relid = c.oid
      where c.relkind <> 'p' order by 2`,
    [quoteTable(table)],
  );
  return rows;
}

/** Line pointers that a block of the heap has at most. */
const MAX_LINES = 291;

/** By the indexes, or else what the last block of each leaf holds: one descent, or one block, a leaf. */
async function readHighest(
  client: ClientBase,
  { hasId }: Facts,
  leaves: readonly Leaf[],
): Promise<Highest> {
  const highest = async (column: string, indexOf: (leaf: Leaf) => string | null) => {
    const looks = leaves
      .filter((leaf) => leaf.blocks > 0)
      .map((leaf) =>
        indexOf(leaf) === null
          ? `(select max(${column}) from only ${leaf.name} where ctid = any (array(
               select format('(%s,%s)', ${leaf.blocks - 1}, line)::tid from generate_series(1, ${MAX_LINES}) as line)))`
          : `(select max(${column}) from only ${leaf.name})`,
      );
    if (looks.length === 0) return null;
    const { rows } = await client.query(
      `select max(value)::text as value from unnest(array[${looks.join(', ')}]) as each (value)`,
    );
    return rows[0].value as string | null;
  };
  await client.query('begin; set local enable_seqscan = off');
  const id = hasId ? await highest('id', ({ idIndex }) => idIndex) : null;
  const stamp = await highest('server_created_time', ({ timeIndex }) => timeIndex);
  const hasUnstamped = await holdUnstamped(client, leaves);
  await client.query('commit');
  return { id, stamp: await notInTheFuture(client, stamp), hasUnstamped };
}

async function holdUnstamped(client: ClientBase, leaves: readonly Leaf[]): Promise<boolean> {
  if (leaves.length === 0 || leaves.some(({ timeIndex }) => timeIndex === null)) return false;
  const looks = leaves.map(
    ({ name }) => `exists (select from only ${name} where server_created_time is null)`,
  );
  const { rows } = await client.query(`select ${looks.join(' or ')} as found`);
  return rows[0].found;
}

/** A clock that was ahead once must not hide all that comes until then. */
async function notInTheFuture(client: ClientBase, stamp: string | null): Promise<string | null> {
  if (stamp === null) return null;
  const { rows } = await client.query(
    `select least($1::timestamp, clock_timestamp() at time zone 'UTC')::text as stamp`,
    [stamp],
  );
  return rows[0].stamp;
}

async function readWriters(client: ClientBase, table: number): Promise<Writer[]> {
  const { rows } = await client.query(
    `with recursive ${TREE} select distinct virtualtransaction as transaction, coalesce(pid, 0) as pid from pg_locks
      where locktype = 'relation' and granted and mode in ${WRITING}
        and database = (select oid from pg_database where datname = current_database())
        and relation in (select oid from tree)`,
    [table],
  );
  return rows;
}

/** Of no process, and of any length: what `prepare transaction` left. It outlives a restart, under another name. */
const isPrepared = ({ pid }: Writer): boolean => pid === 0;

/**
 * Those of a position's writers whose transactions have not ended. Each of them may have been prepared since, so that
 * all that are prepared count.
 */
export async function stillWriting(
  client: ClientBase,
  { startedAt, writers, table }: Pick<SourcePosition, 'startedAt' | 'writers' | 'table'>,
): Promise<Writer[]> {
  if (writers.length === 0) return [];
  const { rows } = await client.query(
    `select pg_postmaster_start_time() = ${escapeLiteral(startedAt)}::timestamptz as same`,
  );
  const known = new Set(writers.map(({ transaction }) => transaction));
  return (await readWriters(client, table)).filter(
    (writer) => isPrepared(writer) || (rows[0].same && known.has(writer.transaction)),
  );
}
