import { GracefulShutdownPeriodExpiredError, IllegalStateError, Worker } from '@temporalio/worker';
import type { Logger } from 'pino';
import { describe, expect, it } from 'vitest';
import type { sensorSession } from '../../workflows/sensor-session.ts';
import { sessionHeader } from '../../workflows/session-header.ts';
import { runUntilTold, type RunningWorker } from '../../workers/run-until-told.ts';
import { reported } from '../reported.ts';
import { testTemporal } from '../temporal.ts';
import { workflowBundle } from '../workflows/workflow-bundle.ts';

const told = AbortSignal.abort();
const notTold = new AbortController().signal;

describe('a worker', () => {
  it.each([new GracefulShutdownPeriodExpiredError('late'), new IllegalStateError('in use')])(
    'that was told to stop ends with a warning, whatever the SDK says of what did not end',
    async (error) => {
      const log = warnings();
      await runUntilTold([failing(error)], { log: log.logger, signal: told });
      expect(log.lines).toEqual([expect.stringContaining('gave up what did not end in time')]);
    },
  );

  it.each<[Error, AbortSignal]>([
    [new Error('of another kind'), told],
    [new IllegalStateError('untold'), notTold],
  ])('that fails of itself says so', async (error, signal) => {
    const log = warnings();
    await expect(runUntilTold([failing(error)], { log: log.logger, signal })).rejects.toBe(error);
    expect(log.lines).toEqual([]);
  });

  it('ends the other worker of its process when it fails', async () => {
    await using temporal = await testTemporal();
    const other = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue: temporal.taskQueue,
      activities: { nothing: async () => undefined },
    });
    const fault = new Error('of another kind');
    const running = runUntilTold([other, failing(fault)], {
      log: warnings().logger,
      signal: notTold,
    });
    await expect(running).rejects.toBe(fault);
    expect(other.getState()).toBe('STOPPED');
  });

  it('is given up in time when an activity of it never ends', async () => {
    await using temporal = await testTemporal();
    const started = reported();
    const worker = await Worker.create({
      connection: temporal.nativeConnection,
      taskQueue: temporal.taskQueue,
      workflowBundle: await workflowBundle(),
      activities: {
        holdConnection: () => new Promise(() => started.report('holds')),
      },
      shutdownForceTime: 1_000,
    });
    const log = warnings();
    const running = runUntilTold([worker], { log: log.logger, signal: told });
    const handle = await temporal.client.workflow.start<typeof sensorSession>('sensorSession', {
      args: [{ sensor: 'pier-3' }],
      taskQueue: temporal.taskQueue,
      workflowId: temporal.unique('never-ends'),
      ...sessionHeader({ sensor: 'pier-3' }),
    });
    await started.waitFor(/holds/);
    worker.shutdown();
    await running;
    expect(log.lines).toHaveLength(1);
    await handle.terminate();
  });
});

const failing = (error: Error): RunningWorker => ({
  run: async () => {
    throw error;
  },
  shutdown: () => {},
  getState: () => 'FAILED',
});

function warnings() {
  const lines: string[] = [];
  const logger = { warn: (line: string) => lines.push(line) } as unknown as Logger;
  return { lines, logger };
}
