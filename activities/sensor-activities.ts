import { Context } from '@temporalio/activity';
import type {
  HoldConnectionInput,
  HoldConnectionResult,
  SessionHeartbeat,
} from '../domain/sensor-session.ts';
import { retriedFailureOf } from './application-failure-of.ts';
import { HoldAttempt, type AttemptRun } from './sensor/session/hold-attempt.ts';
import type { HeldStreams } from './sensor/session/held-streams.ts';
import { SessionOnServer } from './sensor/session/session-on-server.ts';
import type { TemporalContact } from './sensor/session/temporal-contact.ts';

/** After what should not be. */
const UNEXPECTED_WAIT_MS = 10_000;

export interface SensorActivities {
  /**
   * Holds one connection, to the end of a healthy one; for what is no healthy connection Temporal tries again, on the
   * reconnect ladder. Cancelled, it closes the connection with code 1000.
   */
  holdConnection(input: HoldConnectionInput): Promise<HoldConnectionResult>;
}

export interface SensorActivityOptions {
  streams: HeldStreams;
  contact: TemporalContact;
}

export function createSensorActivities({
  streams,
  contact,
}: SensorActivityOptions): SensorActivities {
  return {
    async holdConnection(input) {
      const run = attemptRun(input, streams.options.identity, contact);
      try {
        return await new HoldAttempt(run, streams).hold();
      } catch (error) {
        run.signal.throwIfAborted();
        throw retriedFailureOf(error, UNEXPECTED_WAIT_MS);
      }
    },
  };
}

function attemptRun(
  input: HoldConnectionInput,
  identity: string,
  contact: TemporalContact,
): AttemptRun {
  const context = Context.current();
  const { info, client, cancellationSignal: signal } = context;
  const { workflowId } = info.workflowExecution!;
  return {
    input,
    before: info.heartbeatDetails as SessionHeartbeat | undefined,
    signal,
    isOrphaned: () => {
      const { notFound, timedOut } = context.cancellationDetails ?? {};
      return notFound === true || timedOut === true;
    },
    isShutdown: () => context.cancellationDetails?.workerShutdown === true,
    heartbeat: (details) => context.heartbeat(details),
    server: new SessionOnServer(client, { identity, workflowId, activityId: info.activityId }),
    contact,
  };
}
