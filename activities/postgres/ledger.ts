import type { ClientBase, PoolClient } from 'pg';
import { CellSum } from '../../domain/cell-hash.ts';
import type { Span } from '../../domain/chunk-planning.ts';
import { FairleadError } from '../../domain/errors.ts';
import type { CellCounts, ChunkProof } from '../../domain/migration.ts';
import { formatInstant, formatRange, parseInstant, type EpochUs } from '../../domain/time.ts';
import { ledgerOf } from './ledger-schema.ts';

/** A chunk by its place in the ledger. */
export interface ChunkKey extends Span {
  ship: string;
}

/** What a commit of a chunk says of it. */
export interface ChunkOutcome {
  cells: CellCounts;
  foreign: number;
  instants: number;
  checksum: string;
  seconds: number;
}

export const formatKey = ({ ship, fromUs, toUs }: ChunkKey): string =>
  `${ship} ${formatRange(fromUs, toUs)}`;

/** An instant in the form of a `timestamp` without time zone. */
export const timestampText = (us: EpochUs): string =>
  formatInstant(us).replace('T', ' ').replace('Z', '');

const keyParameters = ({ ship, fromUs, toUs }: ChunkKey) => [
  ship,
  timestampText(fromUs),
  timestampText(toUs),
];

const selectProof = (client: ClientBase): string => `
  select status, cells_read, cells_written, cells_null, cells_quarantined, cells_foreign, instants, checksum, seconds
    from ${ledgerOf(client)}.chunk
   where ship_id = $1 and from_time = $2 and to_time = $3
     and status in ('done', 'empty') and committed_at > $4::timestamptz`;

/** Which proofs count: those that were committed since the migration started, where it is to do all again. */
export interface CountingProofs {
  startedAt?: string;
  redo?: boolean;
}

/** The proof of a chunk, if there is one that counts. */
export async function findProof(
  client: ClientBase,
  key: ChunkKey,
  counting: CountingProofs,
): Promise<ChunkProof | undefined> {
  const settledAfter = counting.redo ? counting.startedAt : '-infinity';
  const { rows } = await client.query(selectProof(client), [...keyParameters(key), settledAfter]);
  return rows[0] && proofOf(key, rows[0]);
}

/** As {@link findProof}, after an attempt that is just committing; the chunk's row is held until the transaction ends. */
async function findProofAndHold(
  client: ClientBase,
  key: ChunkKey,
  counting: CountingProofs,
): Promise<ChunkProof | undefined> {
  await client.query(
    `select from ${ledgerOf(client)}.chunk where ship_id = $1 and from_time = $2 and to_time = $3 for update`,
    keyParameters(key),
  );
  return findProof(client, key, counting);
}

function proofOf(key: ChunkKey, row: Record<string, string>): ChunkProof {
  return {
    from: formatInstant(key.fromUs),
    to: formatInstant(key.toUs),
    status: row['status'] as 'done' | 'empty',
    cells: {
      read: Number(row['cells_read']),
      written: Number(row['cells_written']),
      nulls: Number(row['cells_null']),
      quarantined: Number(row['cells_quarantined']),
    },
    foreign: Number(row['cells_foreign']),
    instants: Number(row['instants']),
    checksum: row['checksum'] ?? '',
    seconds: Number(row['seconds']),
    verifySeconds: 0,
    provenBefore: true,
  };
}

/** No chunk is wider than a day, so that the key's index is read where the range is, and not from the ship's first chunk on. */
const NOT_BEFORE = `ship_id = $1 and from_time > $2::timestamp - interval '1 day'`;

/** The rows of ship $1 that share time with [$2, $3). */
export const TOUCHES_RANGE = `${NOT_BEFORE} and from_time < $3 and to_time > $2`;

const AROUND_KEY = `${NOT_BEFORE} and from_time <= $2 and to_time >= $3
  and not (from_time = $2 and to_time = $3)`;

/**
 * Claims a chunk: its attempts go up by one, and are this attempt's token. `updated_at` stays that of the first attempt,
 * so that it tells since when a chunk is unfinished. A half of a split that begins narrower leaves
 * its place, and its lineage, to the chunks that it begins as.
 *
 * @returns the token
 */
export async function claimChunk(client: ClientBase, key: ChunkKey): Promise<number> {
  const { rows } = await client.query(
    `with never_begun as (
       delete from ${ledgerOf(client)}.chunk where ${AROUND_KEY} and status = 'running' and attempts = 0)
     insert into ${ledgerOf(client)}.chunk as c (ship_id, from_time, to_time, status, attempts, parent_from, parent_to)
     select $1, $2, $3, 'running', 1, split.from_time, split.to_time
       from (values (true)) as one
       left join (select from_time, to_time from ${ledgerOf(client)}.chunk where ${AROUND_KEY} and status = 'split'
                   order by to_time - from_time limit 1) as split on true
     on conflict (ship_id, from_time, to_time) do update
        set attempts = c.attempts + 1,
            updated_at = case when c.status = 'running' then c.updated_at else clock_timestamp() end,
            status = case when c.status in ('done', 'empty') then c.status else 'running' end
     returning attempts`,
    keyParameters(key),
  );
  return rows[0].attempts;
}

/**
 * Holds the chunk's ledger row until the transaction ends, and compares the token. A claim makes a chunk `running`: one
 * that is `split` was split since, and its halves may be proven already.
 *
 * @throws {FairleadError} `attempt-superseded` when a newer attempt has claimed the chunk, or its halves are its place
 */
export async function requireToken(
  client: ClientBase,
  key: ChunkKey,
  token: number,
): Promise<void> {
  const { rows } = await client.query<{ attempts: number; status: string }>(
    `select attempts, status from ${ledgerOf(client)}.chunk
      where ship_id = $1 and from_time = $2 and to_time = $3 for update`,
    keyParameters(key),
  );
  const [current] = rows;
  if (current?.attempts === token && current.status !== 'split') return;
  const holder =
    current?.attempts === token
      ? 'the chunk was split meanwhile'
      : `attempt ${current?.attempts ?? 'none'} holds the chunk`;
  throw new FairleadError(
    'attempt-superseded',
    `${formatKey(key)}: this is attempt ${token}, and ${holder}`,
  );
}

/**
 * Writes the proof. Older proofs that overlap this chunk without being it are no longer proofs of what the
 * target holds: `superseded`, so that sums count each cell once, and what they alone covered is planned again. Chunks
 * within this one that an earlier plan had begun leave the ledger, so that an attempt at one that hung may not write.
 */
export async function recordProof(
  client: ClientBase,
  key: ChunkKey,
  outcome: ChunkOutcome,
): Promise<void> {
  const { cells, foreign, instants, checksum, seconds } = outcome;
  await client.query(
    `delete from ${ledgerOf(client)}.chunk
      where ship_id = $1 and from_time >= $2 and from_time < $3 and to_time <= $3
        and not (from_time = $2 and to_time = $3) and status = 'running'`,
    keyParameters(key),
  );
  await client.query(
    `update ${ledgerOf(client)}.chunk set status = 'superseded', updated_at = clock_timestamp()
      where ${TOUCHES_RANGE}
        and not (from_time = $2 and to_time = $3) and status in ('done', 'empty')`,
    keyParameters(key),
  );
  await client.query(
    `update ${ledgerOf(client)}.chunk
        set status = $4, cells_read = $5, cells_written = $6, cells_null = $7, cells_quarantined = $8,
            cells_foreign = $9, instants = $10, checksum = $11, seconds = $12, error = null,
            committed_at = clock_timestamp(), updated_at = clock_timestamp()
      where ship_id = $1 and from_time = $2 and to_time = $3`,
    [
      ...keyParameters(key),
      cells.read === 0 ? 'empty' : 'done',
      cells.read,
      cells.written,
      cells.nulls,
      cells.quarantined,
      foreign,
      instants,
      checksum,
      seconds,
    ],
  );
}

/** Writes that proofs say nothing any more of what their chunks should hold: their ranges are planned again. */
export async function supersedeProofs(
  client: ClientBase,
  ship: string,
  spans: readonly Span[],
): Promise<void> {
  await client.query(
    `update ${ledgerOf(client)}.chunk set status = 'superseded', updated_at = clock_timestamp()
       from unnest($2::timestamp[], $3::timestamp[]) as late (f, t)
      where ship_id = $1 and from_time = late.f and to_time = late.t and status in ('done', 'empty')`,
    [
      ship,
      spans.map(({ fromUs }) => timestampText(fromUs)),
      spans.map(({ toUs }) => timestampText(toUs)),
    ],
  );
}

/**
 * Writes that a chunk failed for good; what it holds in the target is as before.
 *
 * @returns instead, the proof of an attempt that was given up and has committed after all
 */
export async function recordFailure(
  client: PoolClient,
  key: ChunkKey,
  message: string,
  counting: CountingProofs,
): Promise<ChunkProof | undefined> {
  const proof = await findProofAndHold(client, key, counting);
  if (proof) return proof;
  await client.query(
    `insert into ${ledgerOf(client)}.chunk (ship_id, from_time, to_time, status, attempts, error)
     values ($1, $2, $3, 'failed', 1, $4)
     on conflict (ship_id, from_time, to_time) do update
        set status = 'failed', error = excluded.error, updated_at = clock_timestamp()`,
    [...keyParameters(key), message],
  );
  return undefined;
}

/**
 * Writes that a chunk was too big, and which two take its place.
 *
 * @returns instead, the proof of an attempt that was given up and has committed after all
 */
export async function recordSplit(
  client: PoolClient,
  key: ChunkKey,
  halves: readonly Span[],
  message: string,
  counting: CountingProofs,
): Promise<ChunkProof | undefined> {
  const proof = await findProofAndHold(client, key, counting);
  if (proof) return proof;
  await client.query(
    `insert into ${ledgerOf(client)}.chunk (ship_id, from_time, to_time, status, attempts, error)
     values ($1, $2, $3, 'split', 1, $4)
     on conflict (ship_id, from_time, to_time) do update
        set status = 'split', error = excluded.error, updated_at = clock_timestamp()`,
    [...keyParameters(key), message],
  );
  for (const half of halves) {
    await client.query(
      `insert into ${ledgerOf(client)}.chunk (ship_id, from_time, to_time, status, attempts, parent_from, parent_to)
       values ($1, $2, $3, 'running', 0, $4, $5) on conflict do nothing`,
      [
        ...keyParameters({ ...half, ship: key.ship }),
        timestampText(key.fromUs),
        timestampText(key.toUs),
      ],
    );
  }
  return undefined;
}

/** Writes chunks that hold no cell, as index probes have shown, and that no attempt has claimed. */
export async function recordEmpty(
  client: ClientBase,
  ship: string,
  spans: readonly Span[],
): Promise<void> {
  await client.query(
    `insert into ${ledgerOf(client)}.chunk (ship_id, from_time, to_time, status, attempts, checksum, seconds, committed_at)
     select $1, f, t, 'empty', 0, $4, 0, clock_timestamp()
       from unnest($2::timestamp[], $3::timestamp[]) as empty_chunk (f, t)
     on conflict (ship_id, from_time, to_time) do update
        set status = 'empty', committed_at = excluded.committed_at, checksum = excluded.checksum, error = null,
            cells_read = 0, cells_written = 0, cells_null = 0, cells_quarantined = 0, instants = 0
      where ${ledgerOf(client)}.chunk.status <> 'done'`,
    [
      ship,
      spans.map(({ fromUs }) => timestampText(fromUs)),
      spans.map(({ toUs }) => timestampText(toUs)),
      new CellSum().checksum,
    ],
  );
}

export interface LedgerRow extends Span {
  status: 'running' | 'done' | 'empty' | 'failed' | 'split' | 'superseded';
  /** Settled by this migration: a proof or, since it started, a failure. */
  settled: boolean;
  /** Was a proof when this migration started, and does not count as one now: another one took part of its place, or it is to be done again. */
  lost: boolean;
}

/**
 * The ledger's rows that touch a span, oldest first.
 *
 * @param startedAt failures before it are tried again
 * @param redo proofs before `startedAt` do not count either
 */
export async function listChunks(
  client: ClientBase,
  key: ChunkKey,
  { startedAt, redo }: { startedAt: string; redo: boolean },
): Promise<LedgerRow[]> {
  const { rows } = await client.query(
    `select from_time::text, to_time::text, status,
            coalesce(status in ('done', 'empty') and (not $5 or committed_at > $4::timestamptz)
                  or status = 'failed' and updated_at > $4::timestamptz, false) as settled,
            status = 'superseded' and updated_at > $4::timestamptz
              or status in ('done', 'empty') and $5 and committed_at <= $4::timestamptz as lost
       from ${ledgerOf(client)}.chunk
      where ${TOUCHES_RANGE}
      order by from_time, to_time`,
    [...keyParameters(key), startedAt, redo],
  );
  return rows.map((row) => ({
    fromUs: parseInstant(row.from_time),
    toUs: parseInstant(row.to_time),
    status: row.status,
    settled: row.settled,
    lost: row.lost,
  }));
}

/**
 * What the ledger says the target holds in a range: the sum over proofs that tile it exactly.
 *
 * @returns undefined where proofs leave a part of the range out, or reach beyond it
 */
export async function expectedSum(client: ClientBase, key: ChunkKey): Promise<CellSum | undefined> {
  const { rows } = await client.query(
    `select from_time::text, to_time::text, checksum, cells_written
       from ${ledgerOf(client)}.chunk
      where ${TOUCHES_RANGE} and status in ('done', 'empty')
      order by from_time`,
    keyParameters(key),
  );
  const total = new CellSum();
  let reachedUs = key.fromUs;
  for (const row of rows) {
    if (parseInstant(row.from_time) !== reachedUs) return undefined;
    reachedUs = parseInstant(row.to_time);
    total.addSum(CellSum.of(row.checksum, Number(row.cells_written)));
  }
  return reachedUs === key.toUs ? total : undefined;
}
