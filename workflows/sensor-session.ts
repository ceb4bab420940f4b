import {
  ActivityCancellationType,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { SensorActivities } from '../activities/sensor-activities.ts';
import type { SensorSessionInput, SessionReport } from '../domain/sensor-session.ts';
import { connectionChanged, reconnect, session as sessionQuery, stop } from './sensor-messages.ts';
import { SessionState } from './sensor-session-state.ts';
import { sessionDisplay } from './show-session.ts';

/** After a failure that should not be: nothing is worth hammering for. */
const FAILURE_WAIT_MS = 60_000;

const { holdConnection } = proxyActivities<SensorActivities>({
  // A healthy connection is never cut for Temporal's sake.
  startToCloseTimeout: '3650 days',
  heartbeatTimeout: '10 s',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  // For a worker that died. What the sensor needs is the reconnect ladder, which comes as `nextRetryDelay`.
  retry: { initialInterval: '1 s', backoffCoefficient: 1 },
});

/** Holds one sensor's stream until a person stops it: one connection after the other. */
export async function sensorSession(input: SensorSessionInput): Promise<SessionReport> {
  const session = new SessionState(input, sessionDisplay());
  answerMessages(session);
  session.begin();
  // From the UI: `holdConnection` asks, before it decides whether the recording goes on.
  CancellationScope.current().cancelRequested.catch(() => (session.stopRequested = true));
  try {
    while (!session.stopRequested) {
      if (workflowInfo().continueAsNewSuggested) return await goOnInNewRun(session);
      await hold(session);
    }
  } catch (error) {
    if (isCancellation(error)) await end(session);
    throw error;
  }
  return end(session);
}

// A session never ends: pinned to a version, it would keep the first worker for ever. Unversioned workers may not say so.
setWorkflowOptions(
  () =>
    workflowInfo().currentDeploymentVersion?.deploymentName
      ? { versioningBehavior: 'AUTO_UPGRADE' }
      : {},
  sensorSession,
);

/** From one connection to the next, which may be years: retries of the activity leave no events. */
async function hold(session: SessionState): Promise<void> {
  const scope = new CancellationScope();
  session.holding(() => scope.cancel());
  try {
    const options = { summary: session.holdTitle, activityId: 'hold' };
    const run = () => holdConnection.executeWithOptions(options, [session.nextHold()]);
    session.held(await scope.run(run));
  } catch (error) {
    if (CancellationScope.current().consideredCancelled) throw error;
    if (isCancellation(error)) session.closed();
    else await waitAfter(error, session, scope);
  }
}

async function waitAfter(error: unknown, session: SessionState, scope: CancellationScope) {
  session.failed(error);
  try {
    await scope.run(() => sleep(FAILURE_WAIT_MS, { summary: 'tries again' }));
  } catch (cancellation) {
    if (CancellationScope.current().consideredCancelled) throw cancellation;
  }
}

function answerMessages(session: SessionState): void {
  const validator = (): void => session.assertRunning();
  setHandler(sessionQuery, () => session.view(), { description: 'how the stream is held' });
  setHandler(connectionChanged, (change) => session.changed(change), {
    description: 'from the worker that holds the connection',
  });
  setHandler(stop, () => session.stop(), {
    validator,
    description: 'closes the connection, finishes the recording, and ends the session',
  });
  setHandler(reconnect, () => session.reconnect(), {
    validator,
    description:
      'closes the connection that is open and opens another; while it waits, tries at once',
  });
}

/** Also when the workflow was cancelled from the UI: the connection is closed by then. */
async function end(session: SessionState): Promise<SessionReport> {
  session.stopped();
  await CancellationScope.nonCancellable(allHandlersDone);
  return session.report();
}

async function goOnInNewRun(session: SessionState): Promise<never> {
  await allHandlersDone();
  return continueAsNew<typeof sensorSession>(session.continuation());
}

const allHandlersDone = (): Promise<void> => condition(allHandlersFinished);
