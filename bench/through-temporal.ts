import { readFileSync } from 'node:fs';
import { Client, Connection } from '@temporalio/client';
import type { Pool } from 'pg';
import { copyChunk } from '../activities/postgres/copy-chunk.ts';
import { createMigrationFunctions } from '../activities/postgres/migration-functions.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import type { InstantRange, ShipPlan } from '../domain/migration.ts';
import { namesOf } from '../domain/names.ts';
import type { migrateShip } from '../workflows/migrate-ship.ts';
import { secondsOf } from './measure.ts';

const NEVER = new AbortController().signal;
const SILENT = { signal: NEVER, heartbeat: () => {} };

/** Takes what was copied out of the target, so that the next run finds it as the first one did. */
export async function emptyTarget(pool: Pool, plan: ShipPlan): Promise<void> {
  await pool.query(`truncate ${plan.tables.join(', ')}, fairlead.chunk, fairlead.quarantine`);
}

/** The same chunks without Temporal, `window` of them in flight. */
export async function runDirectly(
  databases: MigrationDatabases,
  plan: ShipPlan,
  window: number,
): Promise<number> {
  const { chunks } = await createMigrationFunctions(databases).planChunks(
    { plan, cursor: plan.from },
    { ...SILENT, timeoutMs: 3_600_000 },
  );
  const queue: InstantRange[] = [...chunks];
  const worker = async () => {
    for (let range = queue.shift(); range; range = queue.shift()) {
      await copyChunk(databases, { ...plan, ...range }, SILENT);
    }
  };
  return secondsOf(() => Promise.all(Array.from({ length: window }, worker)));
}

/** From the start of the workflow to its result, planning and summary included. */
export async function runWorkflow(
  address: string,
  plan: ShipPlan,
  window: number,
): Promise<number> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection });
  const names = namesOf();
  const { ship, from, to, widthMs, redo } = plan;
  const seconds = await secondsOf(() =>
    client.workflow.execute<typeof migrateShip>('migrateShip', {
      workflowId: names.migrateShip(ship),
      taskQueue: names.taskQueue,
      workflowExecutionTimeout: '10m',
      args: [{ request: { ship, from, to, widthMs, redo }, window }],
    }),
  );
  await connection.close();
  return seconds;
}

/** What a process holds in memory now and has held at most, in MiB; Linux only. */
export function memoryOf(pid: number): { rss: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (field: string) =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1_024;
  return { rss: mib('VmRSS'), peak: mib('VmHWM') };
}
