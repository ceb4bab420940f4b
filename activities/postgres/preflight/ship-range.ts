import type { PoolClient } from 'pg';
import { countChunks, subtractSpans, type Span } from '../../../domain/chunk-planning.ts';
import { checksOf, type Check } from '../../../domain/preflight.ts';
import type { TableName } from '../../../domain/table-name.ts';
import {
  DAY_US,
  MS_US,
  formatDurationMs,
  formatRange,
  parseInstant,
  type EpochUs,
} from '../../../domain/time.ts';
import {
  countStrayInstants,
  findSpansWithCells,
  firstInstant,
  listChannels,
} from '../channel-probes.ts';
import { quoteTable } from '../narrow-table.ts';
import { formatWhole } from './figures.ts';

/** Where a ship's cells lie, by index probes alone. */
export interface ShipRange extends Span {
  ship: string;
  widthUs: number;
  channels: string[];
  oldestUs: EpochUs;
  newestUs: EpochUs;
  stray: { impossible: number; afterTo: number; afterToIsMore: boolean };
}

/** @returns undefined for a ship without a cell at a time that a chunk can hold */
export async function findRange(
  client: PoolClient,
  table: TableName,
  ship: string,
  widthUs: number,
  nowUs: EpochUs,
): Promise<ShipRange | undefined> {
  const channels = await listChannels(client, table, ship);
  const oldestUs = await firstInstant(client, table, ship, channels, undefined);
  if (oldestUs === undefined) return undefined;
  const newestUs = await lastInstant(client, table, ship, channels);
  const fromUs = Math.floor(oldestUs / widthUs) * widthUs;
  const toUs = Math.max(fromUs, Math.min(nowUs, (Math.floor(newestUs / widthUs) + 1) * widthUs));
  const stray = await countStrayInstants(client, table, ship, channels, toUs);
  return { ship, widthUs, channels, oldestUs, newestUs, fromUs, toUs, stray };
}

/** The newest instant that a chunk can hold: one descent per channel. */
async function lastInstant(
  client: PoolClient,
  table: TableName,
  ship: string,
  channels: readonly string[],
): Promise<EpochUs> {
  const { rows } = await client.query(
    `select max(last.created_time)::text as last
       from unnest($2::text[]) as channel (id)
      cross join lateral (
        select created_time from ${quoteTable(table)}
         where ship_id = $1 and data_channel_id = channel.id and created_time < '2255-01-01'
         order by created_time desc limit 1) as last`,
    [ship, channels],
  );
  return parseInstant(rows[0].last);
}

export function checkRange(range: ShipRange, table: TableName): Check[] {
  const { ship, fromUs, toUs, widthUs, oldestUs, newestUs, stray } = range;
  const { good, look } = checksOf('ships', ship);
  const chunks = countChunks(range, widthUs);
  const width = formatDurationMs(widthUs / MS_US);
  const found = `oldest and newest cell ${formatRange(oldestUs, newestUs)}: ${formatWhole(chunks)} chunks of ${width}`;
  const checks = [good('range', found)];
  const condition = `from ${quoteTable(table)} where ship_id = '${ship.replaceAll("'", "''")}'`;
  if (stray.impossible > 0)
    checks.push(
      look(
        'odd times',
        `${formatWhole(stray.impossible)} cells at infinity or outside the years 1715 to 2254 stay in the source`,
        `select data_channel_id, created_time ${condition} and (created_time < '1715-01-01' or created_time >= '2255-01-01') limit 20;`,
      ),
    );
  if (stray.afterTo > 0)
    checks.push(
      look(
        'future cells',
        `${stray.afterToIsMore ? 'at least ' : ''}${formatWhole(stray.afterTo)} cells lie after now, and stay in the source until then`,
        `select data_channel_id, max(created_time) ${condition} and created_time > now() at time zone 'UTC' group by 1 limit 20;`,
      ),
    );
  return toUs > fromUs ? checks : [look('range', `${found}, none of it before now`)];
}

/** At most so many spans are asked whether they hold a cell; more are sampled evenly. */
const PROBED_SPANS = 96;

/** Which share of a time holds cells: of its chunks, or of its days where these are too many. */
export interface Occupancy {
  share: number;
  /** `90 of 96 days`. */
  words: string;
  /** Spans with cells, oldest first. */
  full: Span[];
}

export async function findOccupancy(
  client: PoolClient,
  table: TableName,
  { ship, channels, widthUs }: ShipRange,
  open: readonly Span[],
): Promise<Occupancy> {
  const chunks = open.reduce((sum, span) => sum + countChunks(span, widthUs), 0);
  const unitUs = chunks <= PROBED_SPANS ? widthUs : Math.max(DAY_US, widthUs);
  const spans = open.flatMap((span) => [...piecesOf(span, unitUs)]);
  const step = Math.max(1, spans.length / PROBED_SPANS);
  const probed = Array.from(
    { length: Math.min(spans.length, PROBED_SPANS) },
    (_, index) => spans[Math.floor(index * step)]!,
  );
  const hold = await findSpansWithCells(client, table, ship, channels, probed);
  const full = probed.filter((_, index) => hold[index]);
  const unit = unitUs === widthUs ? 'chunks' : 'days';
  const sampled = probed.length < spans.length ? `, sampled from ${formatWhole(spans.length)}` : '';
  const words = `${full.length} of ${probed.length} ${unit} hold cells${sampled}`;
  return { share: probed.length === 0 ? 0 : full.length / probed.length, words, full };
}

function* piecesOf(span: Span, unitUs: number): Generator<Span> {
  for (let { fromUs } = span; fromUs < span.toUs;) {
    const toUs = Math.min((Math.floor(fromUs / unitUs) + 1) * unitUs, span.toUs);
    yield { fromUs, toUs };
    fromUs = toUs;
  }
}

/** The first chunk with cells from the middle of what is to be copied on. */
export async function chooseSample(
  client: PoolClient,
  table: TableName,
  { ship, channels, widthUs, toUs }: ShipRange,
  { full }: Occupancy,
): Promise<Span | undefined> {
  const middle = full[Math.floor(full.length / 2)];
  if (!middle) return undefined;
  const middleUs = (middle.fromUs + middle.toUs) / 2;
  const isDay = middle.toUs - middle.fromUs > widthUs;
  const sinceUs = isDay ? Math.floor(middleUs / widthUs) * widthUs : middle.fromUs;
  const cellUs =
    (await firstInstant(client, table, ship, channels, sinceUs)) ??
    (await firstInstant(client, table, ship, channels, middle.fromUs));
  if (cellUs === undefined) return undefined;
  const fromUs = Math.max(Math.floor(cellUs / widthUs) * widthUs, middle.fromUs);
  return { fromUs, toUs: Math.min(fromUs + widthUs, Math.max(toUs, fromUs + 1)) };
}

/** What a migration still has to do of a range. */
export const openSpans = (range: Span, proven: readonly Span[]): Span[] =>
  subtractSpans(range, proven);
