import type { WorkflowHandle } from '@temporalio/client';
import { FairleadError } from '../../domain/errors.ts';
import type { migrateFleet } from '../../workflows/migrate-fleet.ts';
import type { verifyShip } from '../../workflows/verify-ship.ts';
import { cancel, pause, resume, setWindow } from '../../workflows/messages.ts';
import { Gate } from '../workflows/gate.ts';
import {
  progressWhere,
  startReprocess,
  twentyFourHours,
  type MigrationLab,
} from '../workflows/migration-lab.ts';

export interface Scenario {
  shortHistory?: boolean;
  /** Runs to its end; the history of the handle's run is what is recorded. */
  run(lab: MigrationLab): Promise<WorkflowHandle>;
}

const settled = async <H extends WorkflowHandle>(handle: H): Promise<H> => {
  await handle.result().catch(() => undefined);
  return handle;
};

const options = (lab: MigrationLab, workflowId: string) => ({
  taskQueue: lab.names.taskQueue,
  workflowId,
  workflowExecutionTimeout: '1 minute' as const,
});

const twoRanges = [
  { from: '2025-06-15T01:00:00.000Z', to: '2025-06-15T01:10:00.000Z' },
  { from: '2025-06-15T14:40:40.388958Z', to: '2025-06-15T20:40:40.388958Z' },
];

/** What released workflow code has done, by the name of its history. */
export const scenarios: Record<string, Scenario> = {
  'ship-finished': { run: async (lab) => settled(await lab.start()) },
  'ship-paused-resumed-widened': {
    async run(lab) {
      const gate = new Gate();
      lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
      const handle = await lab.start();
      await gate.reachedBy(2);
      await handle.executeUpdate(pause);
      await handle.executeUpdate(setWindow, { args: [3] });
      await handle.executeUpdate(resume);
      gate.open();
      return settled(handle);
    },
  },
  'ship-split-and-failed': {
    async run(lab) {
      lab.ledger.onCopy = async ({ from, to }) => {
        const isLong = Date.parse(to) - Date.parse(from) > 3_600_000;
        if (from.includes('T02') && isLong) throw new FairleadError('chunk-too-big', 'too big');
        if (from.includes('T06')) throw new FairleadError('proof-failed', 'a row is missing');
      };
      return settled(await lab.start());
    },
  },
  'ship-narrowed-and-widened': {
    async run(lab) {
      lab.ledger.onCopy = async ({ from, to }) => {
        const isLong = Date.parse(to) - Date.parse(from) > 1_800_000;
        if (/T0[01]/.test(from) && isLong) throw new FairleadError('chunk-too-big', 'too big');
      };
      return settled(await lab.start());
    },
  },
  'ship-narrowed-and-continued': {
    shortHistory: true,
    async run(lab) {
      lab.ledger.onCopy = async ({ from, to }) => {
        const isLong = Date.parse(to) - Date.parse(from) > 1_800_000;
        if (isLong) throw new FairleadError('chunk-too-big', 'too big');
      };
      const handle = await settled(await lab.start());
      return lab.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    },
  },
  'ship-waited': {
    async run(lab) {
      let isFull = true;
      lab.ledger.onCopy = async () => {
        if (isFull) throw new FairleadError('disk-full', 'no disk left', { hint: 'make room' });
      };
      const handle = await lab.start();
      await progressWhere(handle, ({ waiting }) => waiting.length === 2);
      isFull = false;
      await handle.executeUpdate(resume);
      return settled(handle);
    },
  },
  'ship-cancelled': {
    async run(lab) {
      const gate = new Gate();
      lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
      const handle = await lab.start({ timing: { heartbeatTimeoutMs: 500 } });
      await gate.reachedBy(2);
      await handle.executeUpdate(cancel);
      return settled(handle);
    },
  },
  'ship-continued': {
    shortHistory: true,
    async run(lab) {
      lab.ledger.batchSize = 4;
      const handle = await settled(await lab.start({ widthMs: 1_800_000 }));
      return lab.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    },
  },
  'fleet-finished': {
    async run(lab) {
      const ships = ['IMO9976903', 'IMO9976915'].map((ship) => lab.input({ ship }));
      const handle = await lab.client.workflow.start<typeof migrateFleet>('migrateFleet', {
        args: [{ ships, atOnce: 1, installation: lab.installation }],
        ...options(lab, lab.names.migrateFleet),
      });
      return settled(handle);
    },
  },
  'reprocess-finished': {
    async run(lab) {
      lab.ledger.onCopy = async ({ from, to }) => {
        const isLong = Date.parse(to) - Date.parse(from) > 3_600_000;
        if (from.includes('T16') && isLong) throw new FairleadError('chunk-too-big', 'too big');
        if (from.includes('T20')) throw new FairleadError('proof-failed', 'a row is missing');
      };
      return settled(await startReprocess(lab, twoRanges));
    },
  },
  'reprocess-paused-and-cancelled': {
    async run(lab) {
      const gate = new Gate();
      lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
      const handle = await startReprocess(lab, twoRanges, { timing: { heartbeatTimeoutMs: 500 } });
      await gate.reachedBy(2);
      await handle.executeUpdate(pause);
      await handle.executeUpdate(cancel);
      return settled(handle);
    },
  },
  'reprocess-continued': {
    shortHistory: true,
    async run(lab) {
      lab.ledger.batchSize = 4;
      const overrides = { widthMs: 900_000 };
      const handle = await settled(await startReprocess(lab, twoRanges, overrides));
      return lab.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    },
  },
  'verify-finished': {
    async run(lab) {
      const { ship, from, widthMs } = twentyFourHours;
      const handle = await lab.client.workflow.start<typeof verifyShip>('verifyShip', {
        args: [{ ship, from, to: '2025-06-20T00:00:00Z', widthMs, window: 2 }],
        ...options(lab, lab.names.verifyShip(ship)),
      });
      return settled(handle);
    },
  },
};
