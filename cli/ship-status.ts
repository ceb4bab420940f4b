import type { WorkflowExecutionDescription } from '@temporalio/client';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { reportShip } from '../activities/postgres/summarize-ship.ts';
import type { MigrationPhase, ShipReport } from '../domain/migration.ts';
import type { MigrationMemo } from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { migrationPhase, progress } from '../workflows/messages.ts';
import { askWorkflow, isUnknownWorkflow, workerAbsent } from './ask-workflow.ts';
import { reportOfProgress } from './migration-verdict.ts';

export interface ShipStatus {
  report: ShipReport;
  /** Sentences for the operator. */
  remarks: string[];
}

export interface StatusScope {
  names: Names;
  /** Shown when no ship is named, besides those that the ledger knows. */
  fleet: readonly string[];
  widthMs: number;
}

/** What ledger and Temporal, where it is there, say of ships; a ship that neither knows is left out unless typed. */
export async function readShipStatuses(
  typed: readonly string[],
  scope: StatusScope,
  databases: MigrationDatabases,
  temporal: TemporalClient | undefined,
): Promise<ShipStatus[]> {
  const known = await listLedgerShips(databases.target);
  const running = typed.length > 0 ? [] : await listRunningShips(scope.names, temporal);
  const ships = typed.length > 0 ? typed : [...scope.fleet, ...known, ...running];
  const statuses: ShipStatus[] = [];
  for (const ship of new Set(ships)) {
    const readLedger = (request: LedgerRequest) =>
      known.includes(ship)
        ? reportShip(databases, { ship, widthMs: scope.widthMs, ...request })
        : Promise.resolve(undefined);
    const status = await readShipStatus(ship, scope.names, readLedger, temporal);
    if (status) statuses.push(status);
    else if (typed.includes(ship)) statuses.push(unknownShip(ship));
  }
  return statuses;
}

async function listRunningShips(names: Names, temporal?: TemporalClient): Promise<string[]> {
  if (!temporal) return [];
  const query = `WorkflowType = 'migrateShip' AND ExecutionStatus = 'Running'`;
  const prefix = names.migrateShip('');
  const ships: string[] = [];
  for await (const { workflowId } of temporal.client.workflow.list({ query })) {
    if (workflowId.startsWith(prefix)) ships.push(workflowId.slice(prefix.length));
  }
  return ships;
}

type LedgerRequest = Partial<NonNullable<MigrationMemo['resolved']>>;
type ReadLedger = (request: LedgerRequest) => Promise<ShipReport | undefined>;

async function readShipStatus(
  ship: string,
  names: Names,
  readLedger: ReadLedger,
  temporal: TemporalClient | undefined,
): Promise<ShipStatus | undefined> {
  const description = temporal && (await describeRun(temporal, names.migrateShip(ship)));
  if (!temporal || description?.status.name !== 'RUNNING') {
    const { resolved } = (description?.memo ?? {}) as Partial<MigrationMemo>;
    const report = await readLedger(resolved ? { widthMs: resolved.widthMs } : {});
    return report && { report: { ...report, phase: phaseAfter(report, description) }, remarks: [] };
  }
  return readRunning(ship, names, readLedger, temporal, description);
}

async function describeRun(
  { client }: TemporalClient,
  workflowId: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (isUnknownWorkflow(error)) return undefined;
    throw error;
  }
}

/** The figures are the ledger's; the phase is what the workflow says, or said last where no worker answers for it. */
async function readRunning(
  ship: string,
  names: Names,
  readLedger: ReadLedger,
  temporal: TemporalClient,
  { memo, typedSearchAttributes }: WorkflowExecutionDescription,
): Promise<ShipStatus | undefined> {
  const { requested, resolved } = memo as unknown as MigrationMemo;
  const ledger = resolved && (await readLedger(resolved));
  const handle = temporal.client.workflow.getHandle(names.migrateShip(ship));
  const reply = await askWorkflow(temporal, handle, progress);
  if ('answer' in reply) {
    const { phase, waiting } = reply.answer;
    const remarks = waiting.map(
      ({ subject, reason, hint }) =>
        `${ship} waits (${subject}): ${reason}${hint ? ` → ${hint}` : ''}`,
    );
    return { report: { ...(ledger ?? reportOfProgress(reply.answer)), phase }, remarks };
  }
  const phase = (typedSearchAttributes.get(migrationPhase) ?? 'planning') as MigrationPhase;
  const absent = workerAbsent(names, temporal);
  const report = ledger ?? { ...unknownShip(ship).report, ...(resolved ?? rangeOf(requested)) };
  return { report: { ...report, ship, phase }, remarks: [`${absent.message} → ${absent.hint}`] };
}

const rangeOf = ({ from = '', to }: MigrationMemo['requested']) => ({ from, to });

function phaseAfter(
  report: ShipReport,
  description: WorkflowExecutionDescription | undefined,
): MigrationPhase {
  if (report.phase === 'finished') return 'finished';
  return description?.status.name === 'CANCELLED' ? 'cancelled' : report.phase;
}

function unknownShip(ship: string): ShipStatus {
  const report: ShipReport = {
    ship,
    from: '',
    to: '',
    phase: 'planning',
    chunks: { total: 0, done: 0, empty: 0, split: 0, failed: 0 },
    cells: { read: 0, written: 0, nulls: 0, quarantined: 0 },
    foreign: 0,
    seconds: 0,
    cellsPerSecond: 0,
    verified: false,
    tables: [],
    quarantine: [],
  };
  return {
    report,
    remarks: [`${ship} was never migrated here; to start it: fairlead migrate ${ship}`],
  };
}
