import type { WorkflowHandle } from '@temporalio/client';
import { reconnect, stop } from '../../workflows/sensor-messages.ts';
import { sessionWhere, type SessionLab } from '../sessions/session-lab.ts';

export interface SessionScenario {
  shortHistory?: boolean;
  /** Runs to its end; the history of the handle's run is what is recorded. */
  run(lab: SessionLab): Promise<WorkflowHandle>;
}

const stopped = async <H extends WorkflowHandle>(handle: H): Promise<H> => {
  await handle.executeUpdate(stop);
  await handle.result();
  return handle;
};

/** What released code of sensor sessions has done, by the name of its history. */
export const sessionScenarios: Record<string, SessionScenario> = {
  'session-lost-and-stopped': {
    async run(lab) {
      const handle = await lab.start();
      await sessionWhere(handle, ({ state }) => state === 'connected');
      lab.server.open[0]!.end({});
      await sessionWhere(handle, ({ reconnects }) => reconnects === 1);
      return stopped(handle);
    },
  },
  'session-offline-and-reconnected': {
    async run(lab) {
      lab.server.mode = 'refuse';
      const handle = await lab.start();
      await sessionWhere(handle, ({ state }) => state === 'waiting');
      lab.server.mode = 'serve';
      await handle.executeUpdate(reconnect);
      await sessionWhere(handle, ({ state }) => state === 'connected');
      await handle.executeUpdate(reconnect);
      await sessionWhere(handle, ({ reconnects }) => reconnects === 1);
      return stopped(handle);
    },
  },
  'session-continued': {
    shortHistory: true,
    async run(lab) {
      const handle = await lab.start();
      const current = lab.client.workflow.getHandle(handle.workflowId);
      await sessionWhere(current, ({ state }) => state === 'connected');
      while ((await current.describe()).runId === handle.firstExecutionRunId) {
        lab.server.silent = !lab.server.silent;
        const state = lab.server.silent ? 'silent' : 'connected';
        await sessionWhere(current, (view) => view.state === state);
      }
      await stopped(current);
      return lab.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
    },
  },
  'session-cancelled': {
    async run(lab) {
      const handle = await lab.start();
      await sessionWhere(handle, ({ state }) => state === 'connected');
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return handle;
    },
  },
};
