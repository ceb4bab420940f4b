import { escapeLiteral, type PoolClient } from 'pg';
import { formatCount } from '../../../domain/format-figures.ts';
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
  const found = `oldest and newest cell ${formatRange(oldestUs, newestUs)}: ${formatCount(chunks)} chunks of ${width}`;
  const checks = [good('range', found)];
  const condition = `from ${quoteTable(table)} where ship_id = ${escapeLiteral(ship)}`;
  if (stray.impossible > 0)
    checks.push(
      look(
        'odd times',
        `${formatCount(stray.impossible)} cells at infinity or outside the years 1715 to 2254 stay in the source`,
        `select data_channel_id, created_time ${condition} and (created_time < '1715-01-01' or created_time >= '2255-01-01') limit 20;`,
      ),
    );
  if (stray.afterTo > 0)
    checks.push(
      look(
        'future cells',
        `${stray.afterToIsMore ? 'at least ' : ''}${formatCount(stray.afterTo)} cells lie after now, and stay in the source until then`,
        `select data_channel_id, max(created_time) ${condition} and created_time > now() at time zone 'UTC' group by 1 limit 20;`,
      ),
    );
  return toUs > fromUs ? checks : [look('range', `${found}, none of it before now`)];
}

/** At most so many spans are asked whether they hold a cell; more are sampled evenly. */
const PROBED_SPANS = 96;

/** Which share of a time holds cells. */
export interface Occupancy {
  /** Of the time itself, not of the number of spans, because the first and the last may be short. */
  share: number;
  /** `90 of 96 days hold cells, and 95 of 96 of their chunks`. */
  words: string;
  /** Chunks with cells, oldest first. */
  full: Span[];
}

/** Asks every chunk; where these are too many, days first, and then chunks of the days that hold cells. */
export async function findOccupancy(
  client: PoolClient,
  table: TableName,
  range: ShipRange,
  open: readonly Span[],
): Promise<Occupancy> {
  const { widthUs } = range;
  const chunks = open.reduce((sum, span) => sum + countChunks(span, widthUs), 0);
  if (chunks <= PROBED_SPANS || widthUs >= DAY_US) {
    const { share, full, counts } = await probe(client, table, range, open, widthUs);
    return { share, full, words: `${counts} chunks hold cells` };
  }
  const days = await probe(client, table, range, open, DAY_US);
  const ofDays = await probe(client, table, range, days.full, widthUs);
  return {
    share: days.share * ofDays.share,
    full: ofDays.full,
    words: `${days.counts} days hold cells, and ${ofDays.counts} of their chunks`,
  };
}

async function probe(
  client: PoolClient,
  table: TableName,
  { ship, channels }: ShipRange,
  within: readonly Span[],
  unitUs: number,
): Promise<{ share: number; full: Span[]; counts: string }> {
  const spans = within.flatMap((span) => [...piecesOf(span, unitUs)]);
  const step = Math.max(1, spans.length / PROBED_SPANS);
  const probed = Array.from(
    { length: Math.min(spans.length, PROBED_SPANS) },
    (_, index) => spans[Math.floor(index * step)]!,
  );
  const hold = await findSpansWithCells(client, table, ship, channels, probed);
  const full = probed.filter((_, index) => hold[index]);
  const sampled =
    probed.length < spans.length ? ` (sampled from ${formatCount(spans.length)})` : '';
  const counts = `${full.length} of ${probed.length}${sampled}`;
  return { share: lengthOf(full) / Math.max(1, lengthOf(probed)), full, counts };
}

const lengthOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, { fromUs, toUs }) => sum + toUs - fromUs, 0);

function* piecesOf(span: Span, unitUs: number): Generator<Span> {
  for (let { fromUs } = span; fromUs < span.toUs;) {
    const toUs = Math.min((Math.floor(fromUs / unitUs) + 1) * unitUs, span.toUs);
    yield { fromUs, toUs };
    fromUs = toUs;
  }
}

/** The chunk in the middle of those that hold cells. */
export const chooseSample = ({ full }: Occupancy): Span | undefined =>
  full[Math.floor(full.length / 2)];

/** What a migration still has to do of a range. */
export const openSpans = (range: Span, proven: readonly Span[]): Span[] =>
  subtractSpans(range, proven);
