import { escapeLiteral, type ClientBase, type PoolClient } from 'pg';
import type { Span } from '../../../domain/chunk-planning.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { parseInstant, type EpochUs } from '../../../domain/time.ts';
import { inTransaction, withConnection } from '../connection.ts';
import { timestampText } from '../ledger.ts';
import type { MigrationDatabases } from '../migration-databases.ts';
import { STAMP_MARGIN, type NewPart } from './choose-path.ts';

export interface NewCell {
  channel: string;
  us: EpochUs;
  hasValue: boolean;
}

/** Cells that are held at once. */
const CELLS_PER_FETCH = 20_000;
const IDS_PER_SLICE = 500_000;
const BLOCKS_PER_SLICE = 4_096;
const STAMPS_PER_SLICE = '10 minutes';

/**
 * Reads the cells of a ship in what may be new of the source, in slices, so that no statement takes long and no snapshot is
 * held for long. The rest of the table is not read: each statement's plan is looked at before it runs.
 *
 * @param span cells of other instants are left out
 * @param onCells is given at most 20,000 cells at once
 */
export async function readNewCells(
  databases: MigrationDatabases,
  ship: string,
  { fromUs, toUs }: Span,
  parts: readonly NewPart[],
  onCells: (cells: NewCell[]) => Promise<void>,
): Promise<void> {
  const { source, signal } = databases;
  const use = { name: `fairlead/late/${ship}`, purpose: 'probe', signal } as const;
  const wanted = `ship_id = ${escapeLiteral(ship)} and created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'`;
  for (const part of parts) {
    for (let from: string | undefined = part.from; from !== undefined;) {
      const begin: string = from;
      from = await withConnection(source, use, async (client) => {
        const slice = await nextSlice(client, part, begin);
        if (!slice) return undefined;
        await inTransaction(client, () => readSlice(client, part, slice.where, wanted, onCells));
        return slice.next;
      });
    }
  }
}

interface Slice {
  where: string;
  next?: string;
}

async function nextSlice(
  client: PoolClient,
  part: NewPart,
  from: string,
): Promise<Slice | undefined> {
  switch (part.by) {
    case 'whole':
      return { where: 'true' };
    case 'blocks':
      return nextBlocks(part, Number(from));
    case 'id':
      return nextByIndex(client, part, 'id', from, String(IDS_PER_SLICE));
    case 'server_created_time': {
      const margin = from === part.from ? ` - interval '${STAMP_MARGIN}'` : '';
      const begin = `timestamp ${escapeLiteral(from)}${margin}`;
      const step = `interval '${STAMPS_PER_SLICE}'`;
      return nextByIndex(client, part, 'server_created_time', begin, step);
    }
    default:
      return part.by satisfies never;
  }
}

function nextBlocks({ to }: NewPart, from: number): Slice | undefined {
  if (from >= Number(to)) return undefined;
  const next = Math.min(from + BLOCKS_PER_SLICE, Number(to));
  return { where: `ctid >= '(${from},0)'::tid and ctid < '(${next},0)'::tid`, next: String(next) };
}

/** Jumps over what holds no row: one descent. */
async function nextByIndex(
  client: PoolClient,
  { leaf, to }: NewPart,
  column: string,
  begin: string,
  step: string,
): Promise<Slice | undefined> {
  const end = `${column} <= ${escapeLiteral(to)}`;
  const { rows } = await inTransaction(client, async () => {
    await client.query('set local enable_seqscan = off');
    return client.query(
      `select min(${column})::text as first, (min(${column}) + ${step})::text as next
         from only ${leaf} where ${column} >= ${begin} and ${end}`,
    );
  });
  const { first, next } = rows[0] as { first: string | null; next: string };
  if (first === null) return undefined;
  const where = `${column} >= ${escapeLiteral(first)} and ${end}`;
  // Beyond infinity there is nothing.
  if (first === next) return { where };
  return { where: `${where} and ${column} < ${escapeLiteral(next)}`, next };
}

async function readSlice(
  client: PoolClient,
  part: NewPart,
  where: string,
  wanted: string,
  onCells: (cells: NewCell[]) => Promise<void>,
): Promise<void> {
  // `offset 0` keeps the planner from every other index: they lead through the whole table.
  const query = `
    select data_channel_id as channel, created_time::text as at, num_nonnulls(bool_v, str_v, long_v, double_v) > 0 as "hasValue"
      from (select ship_id, data_channel_id, created_time, bool_v, str_v, long_v, double_v
              from only ${part.leaf} where ${where} offset 0) as new
     where ${wanted}`;
  if (part.by !== 'whole') {
    await client.query('set local enable_seqscan = off');
    await requirePath(client, part, query);
  }
  await client.query(`declare new_cells no scroll cursor for ${query}`);
  for (let isOver = false; !isOver;) {
    const { rows } = await client.query(`fetch ${CELLS_PER_FETCH} from new_cells`);
    isOver = rows.length < CELLS_PER_FETCH;
    if (rows.length > 0)
      await onCells(rows.map(({ at, ...cell }) => ({ ...cell, us: parseInstant(at) })));
  }
}

interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Cond'?: string;
  'TID Cond'?: string;
  Plans?: PlanNode[];
}

/** @throws {FairleadError} where the planner would read more than what is new */
async function requirePath(client: ClientBase, part: NewPart, query: string): Promise<void> {
  const { rows } = await client.query(`explain (format json) ${query}`);
  const nodes = nodesOf(rows[0]['QUERY PLAN'][0].Plan);
  const reads = nodes.filter((node) => node['Node Type'].endsWith('Scan') && isRead(node));
  const column = part.by === 'blocks' ? 'ctid' : part.by;
  const isBounded = (node: PlanNode) =>
    (node['Index Cond'] ?? node['TID Cond'])?.includes(`(${column} >= `) ?? false;
  if (reads.length > 0 && reads.every(isBounded)) return;
  const found = reads.map((node) => node['Node Type']).join(', ');
  throw new FairleadError(
    'late-not-findable',
    `${part.leaf}: PostgreSQL would read it by ${found}, instead of only what is new of it`,
    { hint: `analyze ${part.leaf};` },
  );
}

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** A bitmap's heap scan reads what its index scans have found. */
const isRead = (node: PlanNode): boolean =>
  node['Node Type'] !== 'Subquery Scan' && node['Node Type'] !== 'Bitmap Heap Scan';
