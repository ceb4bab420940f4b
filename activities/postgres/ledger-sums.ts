import type { ClientBase } from 'pg';
import type { Span } from '../../domain/chunk-planning.ts';
import type { CellCounts, VerifyRequest } from '../../domain/migration.ts';
import { parseInstant } from '../../domain/time.ts';
import { TOUCHES_RANGE, timestampText } from './ledger.ts';
import { ledgerOf } from './ledger-schema.ts';

/** What a range of the ledger adds up to: as small for a year of chunks as for a day. */
export interface LedgerSums {
  /** From the first chunk's begin to the last one's end; undefined where there is none. */
  extent: Span | undefined;
  chunks: { done: number; empty: number; split: number };
  cells: CellCounts;
  foreign: number;
  /** Time in which at least one chunk was being copied: chunks in flight together count once, pauses not at all. */
  seconds: number;
  /** What proofs cover: those that touch are one span. */
  proven: Span[];
  failed: (Span & { failedAtMs: number })[];
}

/** Adds up a ship's ledger, in the database: a fleet of 200 has a million rows a year. */
export async function readLedgerSums(
  client: ClientBase,
  { ship, from, to }: VerifyRequest,
): Promise<LedgerSums> {
  const range = [
    ship,
    from ? timestampText(parseInstant(from)) : '-infinity',
    to ? timestampText(parseInstant(to)) : 'infinity',
  ];
  const [sums] = (await client.query(sumsOf(client), range)).rows;
  const spans = (await client.query(spansOf(client), range)).rows.map((row) => ({
    fromUs: parseInstant(row.from_time),
    toUs: parseInstant(row.to_time),
    failedAtMs: row.failed_at as number | null,
  }));
  const extent = sums.from_time && {
    fromUs: parseInstant(sums.from_time),
    toUs: parseInstant(sums.to_time),
  };
  return {
    extent: extent ?? undefined,
    chunks: { done: sums.done, empty: sums.empty, split: sums.split },
    cells: {
      read: sums.read,
      written: sums.written,
      nulls: sums.nulls,
      quarantined: sums.quarantined,
    },
    foreign: sums.foreign,
    seconds: sums.seconds,
    proven: spans.filter(({ failedAtMs }) => failedAtMs === null),
    failed: spans.flatMap((span) =>
      span.failedAtMs === null ? [] : [{ ...span, failedAtMs: span.failedAtMs }],
    ),
  };
}

const rowsOf = (client: ClientBase): string => `
  with chunk as (
    select * from ${ledgerOf(client)}.chunk where ${TOUCHES_RANGE} and status <> 'superseded'),
  proven as (
    select * from chunk where status in ('done', 'empty'))`;

/** A proof was in the making from its commit back for its own seconds; what an earlier one covers does not count again. */
const sumsOf = (client: ClientBase): string => `${rowsOf(client)},
  proving as (
    select extract(epoch from committed_at)::float8 - coalesce(seconds, 0) as begun,
           extract(epoch from committed_at)::float8 as ended
      from proven),
  later as (
    select ended - greatest(begun, max(ended) over (order by begun, ended rows between unbounded preceding and 1 preceding)) as seconds
      from proving)
  select min(from_time)::text as from_time, max(to_time)::text as to_time,
         (count(*) filter (where status = 'done'))::float8 as done,
         (count(*) filter (where status = 'empty'))::float8 as empty,
         (count(*) filter (where status = 'split'))::float8 as split,
         ${sumOf('cells_read')} as read, ${sumOf('cells_written')} as written, ${sumOf('cells_null')} as nulls,
         ${sumOf('cells_quarantined')} as quarantined, ${sumOf('cells_foreign')} as "foreign",
         (select coalesce(sum(seconds), 0) from later where seconds > 0) as seconds
    from chunk`;

function sumOf(column: string): string {
  return `coalesce(sum(${column}) filter (where status in ('done', 'empty')), 0)::float8`;
}

/** Proven time as its islands, and each failure with its moment. */
const spansOf = (client: ClientBase): string => `${rowsOf(client)},
  marked as (
    select from_time, to_time,
           from_time > max(to_time) over (order by from_time, to_time rows between unbounded preceding and 1 preceding) as begins
      from proven),
  island as (
    select from_time, to_time, count(*) filter (where begins) over (order by from_time, to_time) as n from marked)
  select min(from_time)::text as from_time, max(to_time)::text as to_time, null::float8 as failed_at
    from island group by n
  union all
  select from_time::text, to_time::text, extract(epoch from updated_at)::float8 * 1000
    from chunk where status = 'failed'`;
