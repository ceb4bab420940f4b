import { pipeline } from 'node:stream/promises';
import { Writable } from 'node:stream';
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import copyStreams from 'pg-copy-streams';
import { listChannels } from '../activities/postgres/channel-probes.ts';
import { timestampText } from '../activities/postgres/ledger.ts';
import type { ChunkKey } from '../activities/postgres/ledger.ts';
import { SOURCE_TABLE } from './bench-database.ts';
import { secondsOf } from './measure.ts';

/** What the planner is told in each try; the quickest of them is the floor. */
const PLANS = {
  'own choice': 'set local jit = off',
  'one process': 'set local jit = off; set local max_parallel_workers_per_gather = 0',
  'bitmap on the primary key':
    'set local jit = off; set local enable_indexscan = off; set local max_parallel_workers_per_gather = 0',
  'bitmap, parallel':
    'set local jit = off; set local enable_indexscan = off; set local parallel_setup_cost = 0',
};

/** How fast PostgreSQL hands the chunk's rows over at all: one row per cell, thrown away as it arrives. */
export async function openFloor(
  pool: Pool,
  key: ChunkKey,
): Promise<{ plan: string; run: () => Promise<number> }> {
  const channels = await withClient(pool, (client) => listChannels(client, SOURCE_TABLE, key.ship));
  const statement = floorStatement(key, channels);
  const tries = [];
  for (const [plan, settings] of Object.entries(PLANS)) {
    const run = () => copyAway(pool, settings, statement);
    await run();
    tries.push({ plan, run, seconds: Math.min(await run(), await run()) });
  }
  return tries.toSorted((a, b) => a.seconds - b.seconds)[0]!;
}

function floorStatement({ ship, fromUs, toUs }: ChunkKey, channels: readonly string[]): string {
  return `copy (
    select data_channel_id, created_time, value_format, bool_v, str_v, long_v, double_v
      from tenant.tbl_data_timeseries
     where ship_id = ${escapeLiteral(ship)}
       and data_channel_id = any(array[${channels.map((channel) => escapeLiteral(channel)).join(',')}]::text[])
       and created_time >= '${timestampText(fromUs)}' and created_time < '${timestampText(toUs)}'
  ) to stdout (format binary)`;
}

function copyAway(pool: Pool, settings: string, statement: string): Promise<number> {
  return withClient(pool, async (client) => {
    await client.query('begin');
    await client.query(settings);
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const seconds = await secondsOf(() =>
      pipeline(client.query(copyStreams.to(statement)), nowhere),
    );
    await client.query('commit');
    return seconds;
  });
}

async function withClient<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}
