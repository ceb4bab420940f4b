import { defaultPayloadConverter } from '@temporalio/common';
import type { Client, WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { createSensorActivities } from '../../activities/sensor-activities.ts';
import type { OpenHolder } from '../../activities/sensor/session/held-stream.ts';
import { HeldStreams } from '../../activities/sensor/session/held-streams.ts';
import { TemporalContact } from '../../activities/sensor/session/temporal-contact.ts';
import { namesOf, type Names } from '../../domain/names.ts';
import type { SessionHeartbeat, SessionView } from '../../domain/sensor-session.ts';
import type { sensorSession } from '../../workflows/sensor-session.ts';
import { session } from '../../workflows/sensor-messages.ts';
import { sessionHeader } from '../../workflows/session-header.ts';
import type { CuttablePath, cuttablePath } from '../../bench/cuttable-path.ts';
import { testTemporal } from '../temporal.ts';
import { workflowBundle } from '../workflows/workflow-bundle.ts';
import { PlayedServer } from './played-server.ts';

export type SessionHandle = WorkflowHandleWithFirstExecutionRunId<typeof sensorSession>;

export interface SessionLab extends AsyncDisposable {
  server: PlayedServer;
  client: Client;
  names: Names;
  installation: string;
  start(sensor?: string): Promise<SessionHandle>;
  first: LabWorker;
  path: CuttablePath | undefined;
  /** One more. */
  startWorker(name: string): Promise<LabWorker>;
}

export interface LabWorker {
  identity: string;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

export interface SessionLabOptions {
  shortHistory?: boolean;
  /** Of another server than that which all tests share. */
  address?: string;
  holdAloneMs?: number;
  /** Instead of the server in memory. */
  open?: OpenHolder;
  /** The first worker reaches Temporal by this way only. */
  firstByPath?: typeof cuttablePath;
}

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's API. */
const STARTED = 2;
const noLog = { info: () => {}, warn: () => {}, error: () => {} };

/** Workers on a queue of their own, over a sensor server in memory. */
export async function sessionLab(options: SessionLabOptions = {}): Promise<SessionLab> {
  const { holdAloneMs = 60_000 } = options;
  const temporal = await testTemporal(options);
  const { client } = temporal;
  const installation = temporal.unique('test');
  const names = namesOf(installation);
  const server = new PlayedServer();
  const workers: LabWorker[] = [];
  const startWorker = async (name: string, address = temporal.address): Promise<LabWorker> => {
    const identity = temporal.unique(name);
    const connection = await NativeConnection.connect({ address });
    const streams = new HeldStreams({
      identity,
      open: options.open ?? server.holderOf(name),
      holdAloneMs,
      signals: { everyMs: 1, perRun: 5 },
      log: noLog,
    });
    const ask = () =>
      connection.withDeadline(Date.now() + 2_000, () =>
        connection.workflowService.getSystemInfo({}),
      );
    const contact = new TemporalContact(ask);
    const worker = await Worker.create({
      connection,
      identity,
      taskQueue: names.sensorTaskQueue,
      workflowBundle: await workflowBundle(),
      activities: createSensorActivities({ streams, contact }),
      maxHeartbeatThrottleInterval: 1_000,
      shutdownForceTime: 30_000,
    });
    const running = worker.run();
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      worker.shutdown();
      await running;
      await streams[Symbol.asyncDispose]();
      contact[Symbol.dispose]();
      await connection.close();
    };
    const started = { identity, stop: () => (stopping ??= stop()) };
    workers.push(started);
    return started;
  };
  const path = await options.firstByPath?.(temporal.address);
  const first = await startWorker('first', path?.address);
  return {
    server,
    first,
    path,
    client,
    names,
    installation,
    startWorker,
    start: (sensor = 'pier-3') =>
      client.workflow.start<typeof sensorSession>('sensorSession', {
        args: [{ sensor }],
        taskQueue: names.sensorTaskQueue,
        workflowId: names.sensorSession(sensor),
        workflowExecutionTimeout: '5 minutes',
        ...sessionHeader({ sensor }),
      }),
    async [Symbol.asyncDispose]() {
      await Promise.all(workers.map((worker) => worker.stop()));
      await path?.[Symbol.asyncDispose]();
      await temporal[Symbol.asyncDispose]();
    },
  };
}

/** Asks until it is as wanted. */
export async function sessionWhere(
  handle: Pick<SessionHandle, 'query'>,
  isWanted: (view: SessionView) => boolean,
): Promise<SessionView> {
  for (;;) {
    const view = await handle.query(session);
    if (isWanted(view)) return view;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until the worker that has the attempt says that it has the connection too. */
export async function vouchedForSince(handle: SessionHandle, sinceMs: number): Promise<void> {
  for (;;) {
    const [pending] = (await handle.describe()).raw.pendingActivities ?? [];
    const [payload] = pending?.heartbeatDetails?.payloads ?? [];
    const beat = payload && defaultPayloadConverter.fromPayload<SessionHeartbeat>(payload);
    const beatAt = Number(pending?.lastHeartbeatTime?.seconds ?? 0) * 1_000;
    const isHolder = beat?.session.heldBy === pending?.lastWorkerIdentity;
    if (Number(pending?.state) === STARTED && isHolder && beatAt >= sinceMs) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
