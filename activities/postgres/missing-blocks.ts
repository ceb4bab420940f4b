import type { ClientBase } from 'pg';

import { FairleadError } from '../../domain/errors.ts';
import {
  instantsOf,
  SAMPLE_INTERVAL_US,
  type Block,
  type Fleet,
} from '../../domain/made-up-fleet.ts';
import { madeUpNumber, isAbsent } from '../../domain/made-up-channel.ts';
import { formatTableName, type TableName } from '../../domain/table-name.ts';
import { formatInstant, formatRange, HOUR_US, parseInstant, SECOND_US } from '../../domain/time.ts';
import { quoteTable } from './narrow-table.ts';

interface Found {
  cells: number;
  /** The latest instant, or -Infinity. */
  lastUs: number;
}

/**
 * What the narrow table lacks of the blocks: of each the whole, its end, or nothing.
 *
 * @throws {FairleadError} `import-invalid` when a block holds other cells than the fleet's
 */
export async function findMissingBlocks(
  client: ClientBase,
  table: TableName,
  fleet: Fleet,
  blocks: readonly Block[],
): Promise<Block[]> {
  const found = await countCellsByBlock(client, table, blocks);
  const missing = blocks.map((block, index) => endMissing(table, fleet, block, found[index]!));
  const present = blocks.filter((_, index) => found[index]!.cells > 0);
  await refuseOtherValues(client, table, fleet, present);
  return missing.filter(({ fromUs, toUs }) => fromUs < toUs);
}

/** Cells are there from a block's start on, without a hole, or they are not the fleet's. */
function endMissing(table: TableName, fleet: Fleet, block: Block, { cells, lastUs }: Found): Block {
  const channels = fleet.get(block.ship)!.length;
  const instants = cells / channels;
  const endUs = block.fromUs + instants * SAMPLE_INTERVAL_US;
  const isWhole = cells === 0 || lastUs === endUs - SAMPLE_INTERVAL_US;
  if (isWhole && Number.isInteger(instants)) {
    return { ...block, fromUs: Math.min(endUs, block.toUs) };
  }
  const expected = instantsOf(block) * channels;
  throw otherData(table, block, `${cells} cells, expected none or ${expected}`);
}

async function countCellsByBlock(
  client: ClientBase,
  table: TableName,
  blocks: readonly Block[],
): Promise<Found[]> {
  const first = blocks[0]!.fromUs;
  const { rows } = await client.query<Record<'ship' | 'hour' | 'cells' | 'last', string>>(
    `select ship_id as ship, count(*) as cells, max(created_time)::text as last,
       floor(extract(epoch from created_time - $2::timestamp) / 3600)::int as hour
     from ${quoteTable(table)}
     where ship_id = any($1) and created_time >= $2 and created_time < $3
     group by 1, 4`,
    [
      [...new Set(blocks.map(({ ship }) => ship))],
      timestampOf(first),
      timestampOf(blocks.reduce((last, { toUs }) => Math.max(last, toUs), first)),
    ],
  );
  const byBlock = new Map(rows.map((row) => [`${row.ship} ${row.hour}`, row]));
  return blocks.map(({ ship, fromUs }) => {
    const row = byBlock.get(`${ship} ${(fromUs - first) / HOUR_US}`);
    return row
      ? { cells: Number(row.cells), lastUs: parseInstant(row.last) }
      : { cells: 0, lastUs: Number.NEGATIVE_INFINITY };
  });
}

/** Compares one cell of each block: with another seed its value is another one. */
async function refuseOtherValues(
  client: ClientBase,
  table: TableName,
  fleet: Fleet,
  blocks: readonly Block[],
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
