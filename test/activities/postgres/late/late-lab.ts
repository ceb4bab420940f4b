import type { QueryResult } from 'pg';
import { findLateCells } from '../../../../activities/postgres/late/find-late-cells.ts';
import { planChunksAndLate } from '../../../../activities/postgres/late/reopen-late-chunks.ts';
import type { LateLook } from '../../../../domain/late-cells.ts';
import type { ShipPlan } from '../../../../domain/migration.ts';
import type { TestDatabase } from '../../../database.ts';
import {
  SHIP,
  cell,
  copy,
  insertCells,
  planAndPrepare,
  type MigrationLab,
} from '../../../migration-databases.ts';

export const TABLE = 'tenant.tbl_data_timeseries';
export const ID_INDEX = `create index on ${TABLE} (id)`;
export const STAMP_INDEX = `create index on ${TABLE} (server_created_time)`;

/** A time on the day that the tests migrate. */
export const day = (time: string, date = '2025-06-15') => `${date}T${time}Z`;

/** Two channels, a cell of each in every half hour from 02:00 to 08:00. */
export const fill = (lab: MigrationLab) =>
  insertCells(
    lab,
    Array.from({ length: 12 }, (_, index) => index).flatMap((index) => {
      const at = day(`0${2 + Math.floor(index / 2)}:${index % 2 ? '30' : '00'}:00`);
      return [cell('Decimal', '/a', at, index), cell('Integer', '/b', at, index)];
    }),
  );

/** Plans and copies until a sweep finds nothing, as the workflow does. */
export async function migrate(
  lab: MigrationLab,
  plan: ShipPlan,
  between: (sweep: number) => Promise<unknown> = async () => undefined,
): Promise<number> {
  for (let sweep = 0; ; sweep++) {
    let copied = 0;
    for (let cursor = plan.from; cursor !== plan.to;) {
      const batch = await planChunksAndLate(lab, { plan, cursor }, 3_600_000);
      for (const chunk of batch.chunks) await copy(lab, plan, chunk);
      copied += batch.chunks.length + batch.empty;
      cursor = batch.cursor;
    }
    if (sweep > 0 && copied === 0) return sweep;
    await between(sweep);
  }
}

export const to = day('12:00');

export async function migrated(
  lab: MigrationLab,
  prepare?: string,
  request = {},
): Promise<ShipPlan> {
  if (prepare) await lab.sourceDatabase.query(prepare);
  await fill(lab);
  const plan = await planAndPrepare(lab, { to, ...request });
  await migrate(lab, plan);
  return plan;
}

export const late = (lab: MigrationLab) =>
  insertCells(lab, [
    cell('Decimal', '/a', day('03:15:00'), 1.5),
    cell('Decimal', '/new', day('03:20:00'), 2.5),
    cell('Decimal', '/a', day('09:00:00'), 3.5),
    cell('Decimal', '/a', day('13:00:00'), 4.5),
    cell('Decimal', '/a', day('03:15:00'), 5.5, 'IMO9976915'),
  ]);

export const FOUND = {
  cells: { missing: 3 },
  chunks: [
    { from: day('02:00:00.000'), to: day('04:00:00.000'), cells: 2 },
    { from: day('08:00:00.000'), to: day('10:00:00.000'), cells: 1 },
  ],
  writers: [],
  uncovered: 0,
};
export const NAMES = [
  `/a ${day('03:15:00.000')}`,
  `/new ${day('03:20:00.000')}`,
  `/a ${day('09:00:00.000')}`,
];

export const look = (lab: MigrationLab): Promise<LateLook> => findLateCells(lab, SHIP);

/** `/a 2025-06-15T03:00:00.000Z` */
export const namesOf = ({ differences }: LateLook): string[] =>
  differences.map(({ channel, at }) => `${channel} ${at}`);

/** Lets the server know of what sessions have written: PostgreSQL tells its statistics a little later. */
export async function statisticsTell(
  database: TestDatabase,
  condition: string,
): Promise<QueryResult> {
  for (;;) {
    const result = await database.query(
      `select from pg_stat_all_tables where relid = '${TABLE}'::regclass and ${condition}`,
    );
    if (result.rows.length > 0) return result;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Pages of the narrow table's heap that `work` asked for, cached or not, and how many it has. */
export async function pagesRead<T>(
  database: TestDatabase,
  work: () => Promise<T>,
): Promise<{ result: T; heap: number; blocks: number }> {
  await tellAll(database);
  const before = await heapPages(database);
  const result = await work();
  await tellAll(database);
  const after = await heapPages(database);
  return { result, heap: after.pages - before.pages, blocks: after.blocks };
}

/** A session tells at its end what it has read; one that is idle may keep it to itself. */
async function tellAll(database: TestDatabase): Promise<void> {
  const others = 'datname = current_database() and pid <> pg_backend_pid()';
  await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${others}`);
  while ((await database.query(`select from pg_stat_activity where ${others}`)).rows.length > 0);
}

/** Once the figures stand still: PostgreSQL tells its statistics a little later. */
async function heapPages(database: TestDatabase): Promise<{ pages: number; blocks: number }> {
  const read = async () => {
    const { rows } = await database.query<{ pages: number; blocks: number }>(
      `select (heap_blks_read + heap_blks_hit)::float8 as pages, (pg_relation_size(relid) / 8192)::float8 as blocks
         from pg_statio_all_tables where relid = '${TABLE}'::regclass`,
    );
    return rows[0]!;
  };
  for (let last = await read(), still = 0; ;) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    const now = await read();
    still = now.pages === last.pages ? still + 1 : 0;
    if (still === 3) return now;
    last = now;
  }
}
