import type { Client } from '@temporalio/client';
import type { MigrationPhase } from '../domain/migration.ts';
import type { Names } from '../domain/names.ts';
import { migrationPhase, percentDone } from '../workflows/messages.ts';

/** A ship's migration or reprocess that runs, as Temporal lists it. */
export interface RunningMigration {
  ship: string;
  workflowId: string;
  phase: MigrationPhase;
  percent: number;
  /** Of this run: a long migration continues in a new one now and then. */
  startedAt: Date;
}

/** Of this installation. */
export async function listRunningMigrations(
  names: Names,
  client: Client,
): Promise<RunningMigration[]> {
  const query = `WorkflowType IN ('migrateShip', 'reprocessShip') AND ExecutionStatus = 'Running'`;
  const prefixes = [names.migrateShip(''), names.reprocessShip('')];
  const running: RunningMigration[] = [];
  for await (const { workflowId, typedSearchAttributes, startTime } of client.workflow.list({
    query,
  })) {
    const prefix = prefixes.find((each) => workflowId.startsWith(each));
    if (prefix === undefined) continue;
    running.push({
      ship: workflowId.slice(prefix.length),
      workflowId,
      phase: (typedSearchAttributes.get(migrationPhase) ?? 'planning') as MigrationPhase,
      percent: typedSearchAttributes.get(percentDone) ?? 0,
      startedAt: startTime,
    });
  }
  return running;
}
