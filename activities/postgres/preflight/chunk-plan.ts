import { escapeIdentifier, escapeLiteral, type PoolClient } from 'pg';
import { formatCount, formatNoun } from '../../../domain/format-figures.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import { formatTableName } from '../../../domain/table-name.ts';
import { parseInstant } from '../../../domain/time.ts';
import type { ChunkKey } from '../ledger.ts';
import { quoteTable } from '../narrow-table.ts';
import { PLANNER_SETTINGS, chunkCondition, groupedCells } from '../read-chunk.ts';
import type { ServerFacts } from './server-facts.ts';
import { SMALL_PAGES, createKey, type SourceTable } from './source-table.ts';

interface PlanNode {
  'Node Type': string;
  'Plan Rows': number;
  'Total Cost': number;
  Schema?: string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: PlanNode[];
}

/** How the server would read a chunk. */
export interface ChunkPlan {
  cost: number;
  /** Cells that the planner expects. */
  rows: number;
  /** Tables that it would read from end to end, though they are not small. */
  scans: string[];
  indexes: { name: string; reach: 'channel' | 'ship' | 'all' }[];
  /** Somebody has told the planner not to use the way that a chunk is read by. */
  isBitmapOff: boolean;
}

/** EXPLAIN of the very statement that a chunk is read by, with the same settings; nothing is read. */
export async function explainChunk(
  client: PoolClient,
  { name }: SourceTable,
  key: ChunkKey,
  channels: readonly string[],
): Promise<ChunkPlan> {
  await client.query(PLANNER_SETTINGS);
  const statement = groupedCells(quoteTable(name), chunkCondition(key, channels));
  const { rows } = await client.query(`explain (format json, verbose) ${statement}`);
  const setting = await client.query(`select current_setting('enable_bitmapscan') = 'off' as off`);
  const root: PlanNode = rows[0]['QUERY PLAN'][0].Plan;
  const nodes = [...nodesOf(root)];
  const leaves = nodes.filter((node) => node['Relation Name'] !== undefined);
  return {
    cost: root['Total Cost'],
    rows: leaves.reduce((sum, node) => sum + node['Plan Rows'], 0),
    scans: await bigScans(client, leaves),
    isBitmapOff: setting.rows[0].off,
    indexes: nodes.flatMap((node) =>
      node['Index Name'] === undefined
        ? []
        : [{ name: node['Index Name'], reach: reachOf(node['Index Cond']) }],
    ),
  };
}

function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node;
  for (const child of node.Plans ?? []) yield* nodesOf(child);
}

/** What an index is walked for: this ship's channels one by one, all of the ship, or every ship. */
function reachOf(condition = ''): 'channel' | 'ship' | 'all' {
  if (!condition.includes('ship_id')) return 'all';
  return condition.includes('data_channel_id') ? 'channel' : 'ship';
}

async function bigScans(client: PoolClient, leaves: readonly PlanNode[]): Promise<string[]> {
  const scans = leaves.filter((node) => node['Node Type'] === 'Seq Scan');
  if (scans.length === 0) return [];
  const { rows } = await client.query(
    `select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where (n.nspname, c.relname) in (${scans
        .map((node) => `(${escapeLiteral(node.Schema!)}, ${escapeLiteral(node['Relation Name']!)})`)
        .join(', ')})
        and greatest(c.relpages, pg_relation_size(c.oid) / 8192) > ${SMALL_PAGES}`,
  );
  return rows.map(({ name }) => name);
}

/** A chunk as the statistics imagine it, where its ship's channels cannot be listed without reading the table. */
export async function imagineChunk(
  client: PoolClient,
  { name }: SourceTable,
  ship: string | undefined,
  widthUs: number,
): Promise<{ key: ChunkKey; channels: string[] }> {
  const { rows } = await client.query(
    `select attname as column, most_common_vals::text::text[] as common, histogram_bounds::text::text[] as bounds
       from pg_stats where schemaname = $1 and tablename = $2`,
    [name.schema, name.name],
  );
  const valuesOf = (column: string): string[] => {
    const row = rows.find((each) => each.column === column);
    return row?.bounds ?? row?.common ?? [];
  };
  const instants = valuesOf('created_time').filter((text) => !text.includes('infinity'));
  const middleUs = parseInstant(instants[Math.floor(instants.length / 2)] ?? '2025-01-01');
  const common = rows.find(({ column }) => column === 'ship_id')?.common as string[] | null;
  return {
    key: { ship: ship ?? common?.[0] ?? '', fromUs: middleUs, toUs: middleUs + widthUs },
    channels: rows.find(({ column }) => column === 'data_channel_id')?.common ?? [''],
  };
}

export function checkPlan(
  ship: string,
  plan: ChunkPlan,
  table: SourceTable,
  facts: Pick<ServerFacts, 'user' | 'database'>,
): Check {
  const { good, look, stop } = checksOf('ships', ship);
  const figures = `about ${formatNoun(plan.rows, 'cell')} at cost ${formatCount(plan.cost)}`;
  if (plan.scans.length > 0)
    return stop(
      'plan',
      `a chunk would read all of ${plan.scans.join(', ')}: ${figures}`,
      plan.isBitmapOff
        ? `alter role ${escapeIdentifier(facts.user)} in database ${escapeIdentifier(facts.database)} set enable_bitmapscan = on;`
        : table.probeIndex === undefined
          ? createKey(table)
          : analyze(table),
    );
  const names = [...new Set(plan.indexes.map(({ name }) => name))].join(', ');
  const reaches = new Set(plan.indexes.map(({ reach }) => reach));
  if (reaches.has('channel')) return good('plan', `by ${names}, this ship only: ${figures}`);
  if (table.pages <= SMALL_PAGES || reaches.size === 0)
    return good('plan', `reads all of a small table${names && ` by ${names}`}: ${figures}`);
  const walked = reaches.has('ship')
    ? "walk all of this ship's entries in"
    : "read every ship's rows of its time, by";
  return look('plan', `a chunk would ${walked} ${names}: ${figures}`, analyze(table));
}

export const analyze = ({ name }: SourceTable): string => `analyze ${quoteTable(name)};`;

/** So far off, and a chunk is split before it is read. */
const TOLERANCE = 4;

export function checkStatistics(
  ship: string,
  plan: ChunkPlan,
  cells: number,
  table: SourceTable,
): Check[] {
  const { look } = checksOf('ships', ship);
  const isOff = plan.rows > cells * TOLERANCE || cells > plan.rows * TOLERANCE;
  if (!isOff || cells < 1_000) return [];
  const found = `the planner expects ${formatCount(plan.rows)} cells in the sampled chunk, which holds ${formatCount(cells)}: statistics of ${formatTableName(table.name)} are old`;
  return [look('statistics', found, analyze(table))];
}
