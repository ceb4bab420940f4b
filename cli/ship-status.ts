import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { listLedgerShips } from '../activities/postgres/list-ledger.ts';
import type { MigrationDatabases } from '../activities/postgres/migration-databases.ts';
import { reportShip } from '../activities/postgres/summarize-ship.ts';
import { FairleadError } from '../domain/errors.ts';
import type { InstantRange, MigrationPhase, ShipReport } from '../domain/migration.ts';
import type { MigrationMemo, MigrationProgress } from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import { sideBySide } from '../domain/side-by-side.ts';
import type { SourceRestraint } from '../domain/source-allowance.ts';
import { nearestShip } from '../workers/configuration.ts';
import { listRunningMigrations } from '../workers/running-migrations.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { migrationPhase, progress } from '../workflows/messages.ts';
import { askWorkflow, describeRun, workerAbsent } from './ask-workflow.ts';
import { reportOfProgress, verdictOn } from './migration-verdict.ts';
import { readReprocess } from './reprocess-status.ts';
import { retriedSteps, sentenceOfRetry, sentenceOfWait } from './retried-steps.ts';
import { restraintIn, strictest } from './source-restraint.ts';
import { sentenceOfVerification } from './verification-run.ts';
import { shellWord } from '../domain/shell-word.ts';

/** Each of them asks Temporal up to four times, one question after the other. */
const SHIPS_AT_ONCE = 16;

export interface ShipStatus {
  report: ShipReport;
  /** Sentences for the operator. */
  remarks: string[];
  /** Why the source is to have fewer chunks in flight than configured. */
  spared?: SourceRestraint | undefined;
}

export interface StatusScope {
  names: Names;
  /** Shown when no ship is named, besides those that the ledger knows. */
  fleet: readonly string[];
  widthMs: number;
}

/**
 * What ledger and Temporal, where it is there, say of ships; one that neither knows is left out.
 *
 * @throws {FairleadError} `ship-unknown` when a ship was typed that neither knows
 */
export async function readShipStatuses(
  typed: readonly string[],
  scope: StatusScope,
  databases: MigrationDatabases,
  temporal: TemporalClient | undefined,
): Promise<ShipStatus[]> {
  const known = await listLedgerShips(databases.target);
  const running = typed.length > 0 ? [] : await listRunningShips(scope.names, temporal);
  const ships = typed.length > 0 ? typed : [...scope.fleet, ...known, ...running];
  const isKnown = new Set(known);
  const ask = temporal && questionsTo(temporal);
  const statuses = await sideBySide([...new Set(ships)], SHIPS_AT_ONCE, async (ship) => {
    const readLedger = (request: LedgerRequest) =>
      isKnown.has(ship)
        ? reportShip(databases, { ship, widthMs: scope.widthMs, ...request })
        : Promise.resolve(undefined);
    const status = await readShipStatus(ship, scope.names, readLedger, temporal, ask);
    if (!status && typed.includes(ship)) throw neverMigrated(ship, [...known, ...scope.fleet]);
    const verification = temporal && (await sentenceOfVerification(ship, scope.names, temporal));
    if (verification) status?.remarks.push(verification);
    return status;
  });
  return statuses.filter((status) => status !== undefined);
}

async function listRunningShips(names: Names, temporal?: TemporalClient): Promise<string[]> {
  const running = temporal ? await listRunningMigrations(names, temporal.client) : [];
  return running.map(({ ship }) => ship);
}

type LedgerRequest = Partial<NonNullable<MigrationMemo['resolved']>>;
type ReadLedger = (request: LedgerRequest) => Promise<ShipReport | undefined>;

async function readShipStatus(
  ship: string,
  names: Names,
  readLedger: ReadLedger,
  temporal: TemporalClient | undefined,
  ask: Ask | undefined,
): Promise<ShipStatus | undefined> {
  if (!temporal || !ask) {
    const report = await readLedger({});
    return report && { report, remarks: remarksOnFinished(report) };
  }
  const description = await describeRun(
    temporal.client.workflow.getHandle(names.migrateShip(ship)),
  );
  const reprocess = await readReprocess(ship, names, temporal);
  if (description?.status.name === 'RUNNING') {
    const running = { ship, names, temporal, ask, description };
    const { report, remarks } = await readRunning(running, readLedger);
    const spared = strictest([restraintIn(description, temporal.location), reprocess?.spared]);
    return { report, remarks: [...remarks, ...(reprocess?.remarks ?? [])], spared };
  }
  const report = await readLedger(requestAfter(description));
  if (!reprocess) return report && statusAfter(report);
  const { phase, remarks, range, spared } = reprocess;
  return { report: { ...(report ?? nothingYet(ship, range)), phase }, remarks, spared };
}

type ProgressReply = Awaited<ReturnType<typeof askWorkflow<MigrationProgress>>>;
/** @returns undefined where a worker is there, and this workflow was not asked because it has nothing more to tell */
type Ask = (handle: WorkflowHandle, isNeeded: boolean) => Promise<ProgressReply | undefined>;

/**
 * Each answer is work for a worker: asked is who waits for something, and otherwise the first, to see whether a worker
 * is there.
 */
function questionsTo(temporal: TemporalClient): Ask {
  let first: Promise<ProgressReply> | undefined;
  return async (handle, isNeeded) => {
    if (isNeeded) return askWorkflow(temporal, handle, progress);
    first ??= askWorkflow(temporal, handle, progress);
    const reply = await first;
    return 'silence' in reply ? reply : undefined;
  };
}

interface RunningShip {
  ship: string;
  names: Names;
  temporal: TemporalClient;
  ask: Ask;
  description: WorkflowExecutionDescription;
}

/** The figures are the ledger's; the phase is what the workflow says, or said last where no worker answers for it. */
async function readRunning(running: RunningShip, readLedger: ReadLedger): Promise<ShipStatus> {
  const { ship, names, temporal, ask, description } = running;
  const { memo, typedSearchAttributes } = description;
  const retries = retriedSteps(description, temporal.location).map((step) =>
    sentenceOfRetry(ship, step),
  );
  const { requested, resolved } = memo as unknown as MigrationMemo;
  const ledger = resolved && (await readLedger(resolved));
  const told = (typedSearchAttributes.get(migrationPhase) ?? 'planning') as MigrationPhase;
  const handle = temporal.client.workflow.getHandle(names.migrateShip(ship));
  const reply = await ask(handle, told === 'waiting' || ledger === undefined);
  const report = ledger ?? nothingYet(ship, resolved ?? rangeOf(requested));
  if (reply === undefined) return { report: { ...report, phase: told }, remarks: retries };
  if ('answer' in reply) {
    const { phase, waiting } = reply.answer;
    const remarks = waiting.map((wait) => sentenceOfWait(ship, wait));
    const shown = { ...(ledger ?? reportOfProgress(reply.answer)), phase };
    return { report: shown, remarks: [...remarks, ...retries] };
  }
  const absent = workerAbsent(names, temporal);
  const remarks = [`${absent.message} → ${absent.hint}`, ...retries];
  return { report: { ...report, phase: told }, remarks };
}

const rangeOf = ({ from = '', to }: MigrationMemo['requested']) => ({ from, to });

/** The range of a run that did not come to its end is its own; else it is all that the ledger has. */
function requestAfter(description: WorkflowExecutionDescription | undefined): LedgerRequest {
  const { resolved } = (description?.memo ?? {}) as Partial<MigrationMemo>;
  if (!resolved) return {};
  return description?.status.name === 'COMPLETED' ? { widthMs: resolved.widthMs } : resolved;
}

/** Where nothing runs. */
function statusAfter(report: ShipReport): ShipStatus {
  if (report.phase === 'finished') return { report, remarks: remarksOnFinished(report) };
  const { ship } = report;
  return {
    report: { ...report, phase: 'cancelled' },
    remarks: [
      `${ship}: no migration runs, and chunks are open; to go on: fairlead migrate ${shellWord(ship)}`,
    ],
  };
}

const remarksOnFinished = (report: ShipReport): string[] =>
  report.phase === 'finished' ? verdictOn(report).sentences : [];

const nothingYet = (ship: string, range: InstantRange): ShipReport => ({
  ship,
  from: range.from,
  to: range.to,
  phase: 'planning',
  chunks: { total: 0, done: 0, empty: 0, split: 0, failed: 0 },
  cells: { read: 0, written: 0, nulls: 0, quarantined: 0 },
  foreign: 0,
  seconds: 0,
  cellsPerSecond: 0,
  verified: false,
  tables: [],
  quarantine: [],
});

/** @param known the ships that might have been meant */
export function neverMigrated(ship: string, known: readonly string[]): FairleadError {
  const meant = nearestShip(ship, known);
  const advice = meant ? `did you mean ${meant}? ` : '';
  return new FairleadError('ship-unknown', `${ship} was never migrated to this target`, {
    hint: `${advice}fairlead status shows which ships were; to migrate it: fairlead migrate ${shellWord(ship)}`,
  });
}
