import type { ClientBase } from 'pg';

import { FairleadError } from '../../domain/errors.ts';
import { instantsOf, type Block, type Fleet } from '../../domain/made-up-fleet.ts';
import { madeUpNumber, isAbsent } from '../../domain/made-up-channel.ts';
import { formatTableName, type TableName } from '../../domain/table-name.ts';
import { formatInstant, formatRange, HOUR_US, SECOND_US } from '../../domain/time.ts';
import { quoteTable } from './narrow-table.ts';

/**
 * The blocks that the narrow table has no cell of.
 *
 * @throws {FairleadError} `import-invalid` when a block holds other cells than the fleet's
 */
export async function findMissingBlocks(
  client: ClientBase,
  table: TableName,
  fleet: Fleet,
  blocks: Block[],
): Promise<Block[]> {
  const counts = await countCellsByBlock(client, table, blocks);
  const present = blocks.filter((_, index) => counts[index]! > 0);
  for (const [index, block] of blocks.entries()) {
    const expected = instantsOf(block) * fleet.get(block.ship)!.length;
    const found = counts[index]!;
    if (found !== 0 && found !== expected)
      throw otherData(table, block, `${found} cells, expected ${expected}`);
  }
  await refuseOtherValues(client, table, fleet, present);
  return blocks.filter((_, index) => counts[index] === 0);
}

async function countCellsByBlock(
  client: ClientBase,
  table: TableName,
  blocks: Block[],
): Promise<number[]> {
  const first = blocks[0]!.fromUs;
  const { rows } = await client.query<{ ship: string; hour: number; cells: string }>(
    `select ship_id as ship, count(*) as cells,
       floor(extract(epoch from created_time - $2::timestamp) / 3600)::int as hour
     from ${quoteTable(table)}
     where ship_id = any($1) and created_time >= $2 and created_time < $3
     group by 1, 3`,
    [
      [...new Set(blocks.map(({ ship }) => ship))],
      timestampOf(first),
      timestampOf(Math.max(...blocks.map(({ toUs }) => toUs))),
    ],
  );
  const found = new Map(rows.map(({ ship, hour, cells }) => [`${ship} ${hour}`, Number(cells)]));
  return blocks.map(({ ship, fromUs }) => found.get(`${ship} ${(fromUs - first) / HOUR_US}`) ?? 0);
}

/** Compares one cell of each block: with another seed its value is another one. */
async function refuseOtherValues(
  client: ClientBase,
  table: TableName,
  fleet: Fleet,
  blocks: Block[],
): Promise<void> {
  const samples = blocks.map((block) => sampleOf(fleet, block));
  const { rows } = await client.query<{ index: number; value: number | null }>(
    `select s.index::int, t.double_v as value
     from unnest($1::text[], $2::text[], $3::timestamp[]) with ordinality s (ship, channel, at, index)
     left join ${quoteTable(table)} t
       on t.ship_id = s.ship and t.data_channel_id = s.channel and t.created_time = s.at`,
    [
      samples.map(({ ship }) => ship),
      samples.map(({ channel }) => channel),
      samples.map(({ fromUs }) => timestampOf(fromUs)),
    ],
  );
  const different = rows.find(({ index, value }) => samples[index - 1]!.value !== value);
  if (!different) return;
  const sample = samples[different.index - 1]!;
  throw otherData(
    table,
    sample,
    `${sample.channel} = ${different.value}, expected ${sample.value} with this seed`,
  );
}

function sampleOf(fleet: Fleet, block: Block) {
  const epochSeconds = Math.round(block.fromUs / SECOND_US);
  const channel = fleet
    .get(block.ship)!
    .find((each) => each.format === 'Decimal' && !isAbsent(each, epochSeconds))!;
  return { ...block, channel: channel.channel, value: madeUpNumber(channel, epochSeconds) };
}

const timestampOf = (us: number): string => formatInstant(us).replace('Z', '');

const otherData = (table: TableName, { ship, fromUs, toUs }: Block, found: string): FairleadError =>
  new FairleadError(
    'import-invalid',
    `${ship} ${formatRange(fromUs, toUs)}: ${formatTableName(table)} holds other data there (${found})`,
    {
      hint: 'generate with another --from, with the --seed of the first time, or into another table',
    },
  );
