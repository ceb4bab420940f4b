import type { Pool, PoolClient } from 'pg';
import type { CopyChunkRun } from '../activities/migration-activities.ts';
import { copyChunk } from '../activities/postgres/copy-chunk.ts';
import { openPool } from '../activities/postgres/connection.ts';
import {
  CopyBuffers,
  type MigrationDatabases,
} from '../activities/postgres/migration-databases.ts';
import { planShip, prepareTarget } from '../activities/postgres/plan-ship.ts';
import { SourceSlots } from '../activities/postgres/source-slots.ts';
import { splitChunk } from '../activities/postgres/settle-chunk.ts';
import { DEFAULT_CONNECTION_TIMING, type ConnectionTiming } from '../domain/connection-timing.ts';
import { parseTableName } from '../domain/table-name.ts';
import type { ChunkProof, InstantRange, MigrationRequest, ShipPlan } from '../domain/migration.ts';
import { columnTypeOfFormat, type ColumnType } from '../domain/value-format.ts';
import type { PostgresMajor } from '../workers/stack/postgres-binaries.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

export const SHIP = 'IMO9976903';
/** The chunk that most tests copy. */
export const FROM = '2025-06-15T02:00:00.000Z';
export const TO = '2025-06-15T04:00:00.000Z';

export type MigrationLab = MigrationDatabases &
  AsyncDisposable & {
    /** As superuser. */
    sourceDatabase: TestDatabase;
    targetDatabase: TestDatabase;
  };

export type LabOptions = Partial<Omit<MigrationDatabases, 'source' | 'target' | 'buffers'>> & {
  major?: PostgresMajor;
  /** Source and target, instead of a fresh one. */
  database?: TestDatabase;
  /** Source and target in two databases. */
  separate?: boolean;
  maxBufferBytes?: number;
  timing?: Partial<ConnectionTiming>;
  /** Makes of the superuser's URL the one that the migration uses. */
  sourceUrl?: (url: string) => string;
  targetUrl?: (url: string) => string;
};

const asItIs = (url: string): string => url;

/** Databases of their own for a migration, the narrow table empty; dropped at the end. */
export async function migrationLab({
  major = 18,
  database,
  separate = false,
  maxBufferBytes = 64 * 1024 * 1024,
  timing: shortened,
  sourceUrl = asItIs,
  targetUrl = asItIs,
  ...others
}: LabOptions = {}): Promise<MigrationLab> {
  const sourceDatabase = database ?? (await freshDatabase({ major }));
  const targetDatabase = separate ? await freshDatabase({ major }) : sourceDatabase;
  const timing = { ...DEFAULT_CONNECTION_TIMING, ...shortened };
  const source = openPool({
    url: sourceUrl(sourceDatabase.url),
    role: 'source',
    maxConnections: 4,
    timing,
  });
  const target = openPool({
    url: targetUrl(targetDatabase.url),
    role: 'target',
    maxConnections: 4,
    timing,
  });
  return {
    source,
    target,
    sourceDatabase,
    targetDatabase,
    sourceTable: parseTableName('tenant.tbl_data_timeseries'),
    targetTemplate: 'tenant.tbl_data_timeseries_{ship}_{group}',
    groups: [],
    channelTypes: new Map(),
    buffers: new CopyBuffers(maxBufferBytes),
    sourceSlots: new SourceSlots(16),
    stallMs: 30_000,
    ...others,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([source.end(), target.end()]);
      await sourceDatabase[Symbol.asyncDispose]();
      if (separate) await targetDatabase[Symbol.asyncDispose]();
    },
  };
}

/** One row of the narrow table; numbers may be given as text, where JavaScript has no exact one. */
export interface NarrowCell {
  ship?: string;
  channel: string;
  at: string;
  format?: string | null;
  double?: number | string | null;
  long?: number | bigint | string | null;
  bool?: boolean | null;
  text?: string | null;
}

/** A cell as it should be: the value stands in the column of its format. */
export function cell(
  format: keyof typeof columnTypeOfFormat,
  channel: string,
  at: string,
  value: number | bigint | boolean | string | null,
  ship = SHIP,
): NarrowCell {
  const column = { 'double precision': 'double', bigint: 'long', boolean: 'bool', text: 'text' }[
    columnTypeOfFormat[format]
  ];
  return { ship, channel, at, format, [column]: value };
}

/** 02:00 + seconds on the day of the chunk. */
export const second = (seconds: number): string =>
  new Date(Date.parse(FROM) + Math.round(seconds * 1_000)).toISOString();

const textOrNull = (value: string | number | bigint | boolean | null | undefined): string | null =>
  value === undefined || value === null ? null : Object.is(value, -0) ? '-0' : String(value);

/** Puts cells into the narrow table, in this order on disk. */
export async function insertCells(
  { sourceDatabase }: Pick<MigrationLab, 'sourceDatabase'>,
  cells: readonly NarrowCell[],
): Promise<void> {
  const column = (of: (cell: NarrowCell) => Parameters<typeof textOrNull>[0]) =>
    cells.map((each) => textOrNull(of(each)));
  await sourceDatabase.query(
    `insert into tenant.tbl_data_timeseries
       (ship_id, data_channel_id, created_time, value_format, double_v, long_v, bool_v, str_v)
     select s, c, t, f, d, l, b, x
       from unnest($1::text[], $2::text[], $3::timestamp[], $4::text[], $5::float8[], $6::bigint[], $7::boolean[], $8::text[])
            with ordinality as cell (s, c, t, f, d, l, b, x, n) order by n`,
    [
      column(({ ship }) => ship ?? SHIP),
      column(({ channel }) => channel),
      column(({ at }) => at.replace(/Z$/, '')),
      column(({ format }) => format),
      column(({ double }) => double),
      column(({ long }) => long),
      column(({ bool }) => bool),
      column(({ text }) => text),
    ],
  );
}

/** Plans a ship, and makes its tables. */
export async function planAndPrepare(
  lab: MigrationDatabases,
  request: Partial<MigrationRequest> = {},
): Promise<ShipPlan> {
  const plan = await planShip(lab, requestFor(request));
  await prepareTarget(lab, plan);
  return plan;
}

export const requestFor = (request: Partial<MigrationRequest> = {}): MigrationRequest => ({
  ship: SHIP,
  to: '2025-06-16T00:00:00Z',
  widthMs: 7_200_000,
  redo: false,
  ...request,
});

export const quietRun = (): CopyChunkRun => ({
  signal: new AbortController().signal,
  heartbeat: () => {},
});

/** Copies a chunk, `[02:00, 04:00)` unless told otherwise. */
export function copy(
  lab: MigrationDatabases,
  plan: ShipPlan,
  {
    from = FROM,
    to = TO,
    run = quietRun(),
  }: { from?: string; to?: string; run?: CopyChunkRun } = {},
): Promise<ChunkProof> {
  const { ship, installation, startedAt, redo } = plan;
  return copyChunk(lab, { ship, installation, startedAt, redo, from, to }, run);
}

/** Splits a chunk, `[02:00, 04:00)` unless told otherwise, that the ledger does not prove. */
export async function split(
  lab: MigrationDatabases,
  message = 'too big',
  { from = FROM, to = TO }: Partial<InstantRange> = {},
): Promise<InstantRange[]> {
  const halves = await splitChunk(lab, { ship: SHIP, from, to, message });
  if (Array.isArray(halves)) return halves;
  throw new Error(`[${from}, ${to}) was not split, the ledger proves it`);
}

const SEND: Record<ColumnType, string> = {
  'double precision': 'float8send',
  bigint: 'int8send',
  boolean: 'boolsend',
  text: 'textsend',
};

/** All values in a ship's wide tables, as `channel instant hexadecimal bytes`, sorted. */
export async function wideCells(lab: MigrationLab, ship = SHIP): Promise<string[]> {
  const columns = await lab.targetDatabase.query<{
    channel: string;
    name: string;
    column: string;
    type: ColumnType;
  }>(
    `select data_channel_id as channel, table_name as name, quote_ident(column_name) as column, column_type as type
       from fairlead.channel_map where ship_id = $1`,
    [ship],
  );
  const cells: string[] = [];
  for (const { channel, name, column, type } of columns.rows) {
    const { rows } = await lab.targetDatabase.query<{ at: string; bytes: string }>(
      `select created_time::text as at, encode(${SEND[type]}(${column}), 'hex') as bytes
         from ${tableOf(name)} where ${column} is not null`,
    );
    cells.push(...rows.map(({ at, bytes }) => `${channel} ${at} ${bytes}`));
  }
  return cells.toSorted();
}

/** All values in the narrow table, in the form of {@link wideCells}. */
export async function narrowCells(
  lab: MigrationLab,
  ship = SHIP,
  condition = 'true',
): Promise<string[]> {
  const { rows } = await lab.sourceDatabase.query<{ line: string }>(
    `select data_channel_id || ' ' || created_time || ' ' || encode(coalesce(
              float8send(double_v), int8send(long_v), boolsend(bool_v), textsend(str_v)), 'hex') as line
       from tenant.tbl_data_timeseries
      where ship_id = $1 and num_nonnulls(double_v, long_v, bool_v, str_v) > 0 and ${condition}`,
    [ship],
  );
  return rows.map(({ line }) => line).toSorted();
}

/** A table's name from the channel map, for SQL. */
export function tableOf(name: string): string {
  const table = parseTableName(name);
  return [table.schema, table.name].map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
}

export const WIDE = `tenant.tbl_data_timeseries_${SHIP.toLowerCase()}_1`;

/** The instants that have a row in the wide table. */
export async function wideInstants(lab: MigrationLab, table = WIDE): Promise<string[]> {
  const { rows } = await lab.targetDatabase.query<{ at: string }>(
    `select created_time::text as at from ${table} order by created_time`,
  );
  return rows.map(({ at }) => at);
}

/** What the quarantine holds, as `channel reason`, or with more of its columns; sorted. */
export async function quarantined(lab: MigrationLab): Promise<string[]> {
  const { rows } = await lab.targetDatabase.query<{ line: string }>(
    `select data_channel_id || ' ' || reason as line from fairlead.quarantine`,
  );
  return rows.map(({ line }) => line).toSorted();
}

/** The ledger, as `02:00 04:00 done written=2`, oldest first. */
export async function ledger(lab: MigrationLab): Promise<string[]> {
  const { rows } = await lab.targetDatabase.query<{ line: string }>(
    `select to_char(from_time, 'HH24:MI') || ' ' || to_char(to_time, 'HH24:MI') || ' ' || status || ' written=' || cells_written as line
       from fairlead.chunk order by from_time, to_time`,
  );
  return rows.map(({ line }) => line);
}

export const MAJORS: readonly PostgresMajor[] = [18, 13];

export type Interruption = (client: PoolClient) => Promise<void>;

/**
 * Lets something happen right before or after the first statement of this pool that matches, while the caller
 * waits for its answer. A COPY stream is no such statement.
 */
export function interrupt(
  pool: Pool,
  when: 'before' | 'after',
  pattern: RegExp,
  interruption: Interruption,
): void {
  const connect = pool.connect.bind(pool) as (callback?: unknown) => Promise<PoolClient>;
  let happened = false;
  const wrap = (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const wrapped = async (...args: unknown[]) => {
      happened = true;
      if (when === 'before') await interruption(client);
      const result = await query(...args);
      if (when === 'after') await interruption(client);
      return result;
    };
    const isMeant = ([statement]: unknown[]) =>
      !happened && typeof statement === 'string' && pattern.test(statement);
    Object.assign(client, {
      query: (...args: unknown[]) => (isMeant(args) ? wrapped(...args) : query(...args)),
    });
    return client;
  };
  Object.assign(pool, {
    connect: (callback?: unknown) => (callback ? connect(callback) : connect().then(wrap)),
  });
}

/** Ends a backend as an administrator would, and waits until it is gone. */
export const kill =
  ({ targetDatabase }: MigrationLab): Interruption =>
  async (client) => {
    const { processID } = client as unknown as { processID: number };
    await targetDatabase.query('select pg_terminate_backend($1)', [processID]);
    const alive = 'select from pg_stat_activity where pid = $1';
    while ((await targetDatabase.query(alive, [processID])).rows.length > 0);
  };

/** Waits until a session of the migration waits for a lock. */
export async function waitForLock({ targetDatabase }: MigrationLab): Promise<void> {
  const waiting = `select from pg_stat_activity
    where wait_event_type = 'Lock' and application_name like 'fairlead/%' and datname = current_database()`;
  while ((await targetDatabase.query(waiting)).rows.length === 0);
}
