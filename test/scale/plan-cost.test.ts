import type { Pool } from 'pg';
import { expect, test } from 'vitest';
import { CELL_EVERY_HOURS, fillSource } from '../../bench/scale/fill-source.ts';
import { openPool, withConnection } from '../../activities/postgres/connection.ts';
import { CHUNKS_PER_BATCH, planChunks } from '../../activities/postgres/plan-chunks.ts';
import { readLedgerSums } from '../../activities/postgres/ledger-sums.ts';
import type { ShipPlan } from '../../domain/migration.ts';
import { formatInstant, HOUR_US, parseInstant } from '../../domain/time.ts';
import { migrationLab, planAndPrepare, SHIP, type MigrationLab } from '../migration-databases.ts';

const FROM = '2025-01-01T00:00:00.000Z';
const YEAR = 4_380;
const at = (chunk: number) =>
  formatInstant(parseInstant(FROM) + chunk * CELL_EVERY_HOURS * HOUR_US);

/** A year of one ship, planned, of which the ledger proves the first chunks. */
async function yearOfAShip(proven: number) {
  const lab = await migrationLab();
  const client = await lab.source.connect();
  await fillSource(client, lab.sourceTable, { ships: [SHIP], from: FROM, chunks: YEAR });
  client.release();
  const plan = await planAndPrepare(lab, { to: at(YEAR) });
  await lab.targetDatabase.query(
    `insert into fairlead.chunk (ship_id, from_time, to_time, status, attempts, cells_read, cells_written, checksum, seconds, committed_at)
     select $1, f, f + interval '2 hours', 'done', 1, 1, 1, '0', 1, clock_timestamp()
       from generate_series($2::timestamp, $2::timestamp + ($3 - 1) * interval '2 hours', '2 hours') as f`,
    [SHIP, FROM, proven],
  );
  await lab.targetDatabase.query('vacuum analyze fairlead.chunk');
  return { lab, plan };
}

const TABLES = { source: 'tenant.tbl_data_timeseries', ledger: 'fairlead.chunk' };

async function blocksOf(pool: Pool, table: string): Promise<number> {
  const { rows } = await pool.query(
    `select (pg_stat_get_xact_blocks_fetched($1::regclass)
             + (select coalesce(sum(pg_stat_get_xact_blocks_fetched(indexrelid)), 0) from pg_index where indrelid = $1::regclass))::int as blocks`,
    [table],
  );
  return rows[0].blocks;
}

/** Buffers that the next batch touches, all in one transaction, which alone knows them at once. */
async function buffersOfBatch(lab: MigrationLab, plan: ShipPlan, cursor: string) {
  const { url } = lab.targetDatabase;
  const only = openPool({ url, role: 'target', maxConnections: 1 });
  await only.query('begin');
  const batch = await planChunks({ ...lab, source: only, target: only }, { plan, cursor });
  const buffers = {
    source: await blocksOf(only, TABLES.source),
    ledger: await blocksOf(only, TABLES.ledger),
  };
  await only.end();
  expect(batch.chunks).toHaveLength(CHUNKS_PER_BATCH);
  return buffers;
}

test('the last batch of a year costs what the first one does', async () => {
  const proven = YEAR - CHUNKS_PER_BATCH;
  const year = await yearOfAShip(proven);
  await using lab = year.lab;
  const late = await buffersOfBatch(lab, year.plan, at(proven));
  const begin = await yearOfAShip(1);
  await using other = begin.lab;
  const early = await buffersOfBatch(other, begin.plan, at(1));
  expect(late.ledger).toBeLessThan(early.ledger + 10);
  expect(late.source).toBeLessThan(CHUNKS_PER_BATCH * 6);
  expect(early.source).toBeLessThan(CHUNKS_PER_BATCH * 6);
});

test('what a year of chunks adds up to is one row, and one span for what is proven without a gap', async () => {
  const { lab, plan } = await yearOfAShip(YEAR - 100);
  await using _lab = lab;
  const sums = await withConnection(lab.target, { name: 'fairlead/test' }, (client) =>
    readLedgerSums(client, plan),
  );
  expect(sums).toMatchObject({ chunks: { done: YEAR - 100 }, cells: { read: YEAR - 100 } });
  expect(sums.proven).toHaveLength(1);
  expect(sums.failed).toHaveLength(0);
});
