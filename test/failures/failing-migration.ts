import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'vitest';
import { createMigrationFunctions } from '../../activities/postgres/migration-functions.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { ShipReport } from '../../domain/migration.ts';
import type { MigrateShipInput, Waiting } from '../../domain/migration-progress.ts';
import type { MigrationTiming } from '../../domain/migration-timing.ts';
import { namesOf } from '../../domain/names.ts';
import { migrationHeader } from '../../workflows/migration-header.ts';
import { resume } from '../../workflows/messages.ts';
import type { migrateShip } from '../../workflows/migrate-ship.ts';
import {
  migrationLab,
  narrowCells,
  SHIP,
  wideCells,
  type LabOptions,
  type MigrationLab,
} from '../migration-databases.ts';
import { testTemporal } from '../temporal.ts';
import { progressWhere, startWorker } from '../workflows/migration-lab.ts';

export const at = (hour: number): string =>
  `2025-06-15T${String(hour).padStart(2, '0')}:00:00.000Z`;

const QUICK: Partial<MigrationTiming> = {
  chunkTimeoutMs: 20_000,
  stepTimeoutMs: 20_000,
  heartbeatTimeoutMs: 10_000,
  retryInitialMs: 50,
  retryMaximumMs: 200,
  retryAttempts: 2,
  transientWaitMs: [200, 500],
  operatorWaitMs: [200, 500],
  failoverMs: 0,
};

export interface FailingOptions extends LabOptions {
  waits?: Partial<MigrationTiming>;
  /** Chunks of two hours, from midnight on. */
  chunks?: number;
  minutesBetweenCells?: number;
}

/** A migration through the real Temporal, between two real databases, to which a test does what goes wrong. */
export interface FailingMigration extends AsyncDisposable {
  lab: MigrationLab;
  /** The roles of its connections. */
  reader: string;
  writer: string;
  /** Done once, right before the chunk that begins at this hour is copied. */
  before: (hour: number, fault: () => Promise<unknown>) => void;
  start: (request?: Partial<MigrateShipInput['request']>) => Promise<void>;
  /** Until the workflow waits because of this failure. */
  waitsFor: (code: ErrorCode, kind?: string, reason?: string) => Promise<Waiting>;
  /** What the Temporal UI shows: a search attribute, and the current details. */
  shown: () => Promise<{ phase: string | undefined; details: string }>;
  resume: () => Promise<void>;
  /** The codes of the failures that Temporal has kept. */
  codes: () => Promise<Set<string | null | undefined>>;
  /** Until its end, which has every cell in place, but for what failed. */
  report: () => Promise<ShipReport>;
  /** Ends what the role's connections are at, so that the next work needs new ones. */
  endSessionsOf: (role: string) => Promise<void>;
}

const roleUrl = (name: string) => (url: string) => {
  const other = new URL(url);
  other.username = `${name}_${other.pathname.slice(1)}`;
  other.password = 'secret';
  return other.href;
};

/** Reader and writer, each with a role and a database of its own. */
export async function failingMigration({
  waits = {},
  chunks = 4,
  minutesBetweenCells = 1,
  ...options
}: FailingOptions = {}): Promise<FailingMigration> {
  const lab = await migrationLab({
    separate: true,
    sourceUrl: roleUrl('reader'),
    targetUrl: roleUrl('writer'),
    ...options,
  });
  const { reader, writer } = await makeRoles(lab);
  await addCells(lab, chunks * 2, minutesBetweenCells);
  const run = await runMigration(lab, chunks, { ...QUICK, ...waits });
  return {
    ...run,
    lab,
    reader,
    writer,
    endSessionsOf: async (role) => {
      await lab.targetDatabase.query(
        'select pg_terminate_backend(pid) from pg_stat_activity where usename = $1',
        [role],
      );
    },
    [Symbol.asyncDispose]: async () => {
      await run.end();
      await lab.targetDatabase.query(`drop owned by ${writer} cascade`);
      await lab.sourceDatabase.query(`drop owned by ${reader}`);
      await lab.sourceDatabase.query(`drop role ${reader}, ${writer}`);
      await lab[Symbol.asyncDispose]();
    },
  };
}

async function makeRoles({ sourceDatabase, targetDatabase }: MigrationLab) {
  const reader = `reader_${sourceDatabase.name}`;
  const writer = `writer_${targetDatabase.name}`;
  await sourceDatabase.query(
    `create role ${reader} login password 'secret'; create role ${writer} login password 'secret';
     grant usage on schema tenant to ${reader}; grant select on tenant.tbl_data_timeseries to ${reader}`,
  );
  await targetDatabase.query(
    `grant usage, create on schema tenant to ${writer};
     grant create, temporary on database ${targetDatabase.name} to ${writer}`,
  );
  return { reader, writer };
}

/** Two channels, a number and a text. */
const addCells = ({ sourceDatabase }: MigrationLab, hours: number, minutes: number) =>
  sourceDatabase.query(
    `insert into tenant.tbl_data_timeseries (ship_id, data_channel_id, created_time, value_format, double_v, str_v)
     select $1, channel, timestamp '2025-06-15' + n * interval '1 minute',
            case channel when '/a' then 'Decimal' else 'String' end,
            case channel when '/a' then n end, case channel when '/b' then 'text ' || n end
       from generate_series(0, $2::int * 60 - 1, $3::int) n, (values ('/a'), ('/b')) as channels (channel)`,
    [SHIP, hours, minutes],
  );

async function runMigration(lab: MigrationLab, chunks: number, timing: Partial<MigrationTiming>) {
  const temporal = await testTemporal();
  const names = namesOf(temporal.unique('test'));
  const faults = new Map<string, () => Promise<unknown>>();
  const functions = createMigrationFunctions(lab);
  const worker = await startWorker(temporal, names, {
    ...functions,
    copyChunk: async (input, context) => {
      const fault = faults.get(input.from);
      faults.delete(input.from);
      await fault?.();
      return functions.copyChunk(input, context);
    },
  });
  const to = new Date(Date.parse(at(0)) + chunks * 7_200_000).toISOString();
  const input: MigrateShipInput = {
    request: { ship: SHIP, from: at(0), to, widthMs: 7_200_000, redo: false },
    window: 1,
    timing,
  };
  let handle: WorkflowHandle<typeof migrateShip>;
  return {
    before: (hour: number, fault: () => Promise<unknown>) => void faults.set(at(hour), fault),
    start: async (request: Partial<MigrateShipInput['request']> = {}) => {
      const asked = { ...input, request: { ...input.request, ...request } };
      handle = await temporal.client.workflow.start<typeof migrateShip>('migrateShip', {
        args: [asked],
        taskQueue: names.taskQueue,
        workflowId: names.migrateShip(SHIP),
        workflowExecutionTimeout: '2 minutes',
        ...migrationHeader(asked),
      });
    },
    waitsFor: async (code: ErrorCode, kind = '', reason = '') => {
      const isMeant = (each: Waiting) =>
        each.code === code && each.kind.includes(kind) && each.reason.includes(reason);
      const { waiting } = await progressWhere(handle, (now) => now.waiting.some(isMeant));
      return waiting.find(isMeant)!;
    },
    shown: async () => {
      const { typedSearchAttributes } = await handle.describe();
      const pair = typedSearchAttributes.getAll().find(({ key }) => key.name === 'MigrationPhase');
      const metadata = await handle.query<{ currentDetails: string }>(
        '__temporal_workflow_metadata',
      );
      return { phase: pair?.value as string | undefined, details: metadata.currentDetails };
    },
    resume: () => handle.executeUpdate(resume),
    codes: async () => {
      const { events } = await handle.fetchHistory();
      const failures = events?.map(
        ({ activityTaskFailedEventAttributes: failed }) => failed?.failure,
      );
      const types = failures?.map((failure) => failure?.applicationFailureInfo?.type);
      return new Set(types?.filter((type) => type !== undefined));
    },
    report: async () => {
      const report = await handle.result();
      if (report.chunks.failed === 0) expect(await wideCells(lab)).toEqual(await narrowCells(lab));
      return report;
    },
    end: async () => {
      await handle?.terminate().catch(() => undefined);
      await worker[Symbol.asyncDispose]();
      await temporal[Symbol.asyncDispose]();
    },
  };
}
