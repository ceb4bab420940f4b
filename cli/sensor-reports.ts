import type { WorkflowExecutionDescription } from '@temporalio/client';
import { LastHour, type LastHourSummary } from '../domain/last-hour.ts';
import { namesOf, type Names } from '../domain/names.ts';
import type { ConnectionState, Gap } from '../domain/sensor.ts';
import { reconnectsOf, type SessionHeartbeat, type SessionView } from '../domain/sensor-session.ts';
import type { Configuration } from '../workers/configuration.ts';
import { readPayload } from '../workers/payload-cipher.ts';
import type { TemporalClient } from '../workers/temporal-client.ts';
import { connectionState, reconnects, session } from '../workflows/sensor-messages.ts';
import { askWorkflow, isUnknownWorkflow, workerAbsent } from './ask-workflow.ts';
import { noSuchSensor, type SensorVerb } from './choose-sensors.ts';
import { retriedSteps, type RetriedStep } from './retried-steps.ts';

/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's API. */
const STARTED = 2;

/** Where a sensor's session stands; what nobody knows is absent. */
export interface SensorReport {
  sensor: string;
  /** `none` where no session was ever started. */
  state: ConnectionState | 'none';
  connectedSince?: string;
  reconnects: number;
  lastGap?: Gap;
  messagesPerSecond?: number;
  file?: string;
  recordingStopped?: string;
  lastHour?: LastHourSummary;
  /** A worker has taken the session up. */
  isTaken: boolean;
  /** Somebody answered for the session. */
  hasWorker: boolean;
  /** Sentences for the operator. */
  remarks: string[];
}

/**
 * What Temporal says of sessions, also while no worker runs: of the sensors that were typed, or else of those that are
 * configured or run.
 *
 * @param temporal undefined where it is away: then nothing is known
 * @throws {FairleadError} `usage-invalid` for a name that neither is configured nor runs
 */
export async function readSensorReports(
  typed: readonly string[],
  configuration: Configuration,
  temporal: TemporalClient | undefined,
  verb: SensorVerb = 'status',
): Promise<SensorReport[]> {
  const names = namesOf(configuration.migration.installation);
  const configured = configuration.sensors.map(({ name }) => name);
  const running = temporal ? await listSessions(names, temporal) : [];
  const wrong = typed.find((name) => !configured.includes(name) && !running.includes(name));
  if (wrong !== undefined) throw noSuchSensor(wrong, configuration, verb, running);
  const sensors = new Set(typed.length > 0 ? typed : [...configured, ...running]);
  if (!temporal) return [...sensors].map((sensor) => unknown(sensor));
  return Promise.all([...sensors].map((sensor) => readSensorReport(sensor, names, temporal)));
}

const unknown = (sensor: string): SensorReport => ({
  sensor,
  state: 'none',
  reconnects: 0,
  isTaken: false,
  hasWorker: false,
  remarks: [],
});

async function listSessions(names: Names, { client }: TemporalClient): Promise<string[]> {
  const query = `WorkflowType = 'sensorSession' AND ExecutionStatus = 'Running'`;
  const prefix = names.sensorSession('');
  const sensors: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query }))
    if (workflowId.startsWith(prefix)) sensors.push(workflowId.slice(prefix.length));
  return sensors;
}

/** Of one session, whether it runs or not. */
export async function readSensorReport(
  sensor: string,
  names: Names,
  temporal: TemporalClient,
): Promise<SensorReport> {
  const handle = temporal.client.workflow.getHandle(names.sensorSession(sensor));
  try {
    const description = await handle.describe();
    if (description.status.name !== 'RUNNING') return reportAfter(sensor, description);
    const reply = await askWorkflow(temporal, handle, session);
    if ('answer' in reply) return reportOf(sensor, description, reply.answer, temporal);
    const { message, hint } = workerAbsent(names, temporal, 'sensor');
    const report = reportOf(sensor, description, undefined, temporal);
    return { ...report, remarks: [`${message} → ${hint}`, ...report.remarks] };
  } catch (error) {
    if (isUnknownWorkflow(error)) return unknown(sensor);
    throw error;
  }
}

function reportAfter(
  sensor: string,
  { typedSearchAttributes }: WorkflowExecutionDescription,
): SensorReport {
  const count = typedSearchAttributes.get(reconnects) ?? 0;
  return { ...unknown(sensor), state: 'stopped', reconnects: count };
}

/** What the workflow was told, and what the worker's last heartbeat said, which is newer. */
function reportOf(
  sensor: string,
  description: WorkflowExecutionDescription,
  view: SessionView | undefined,
  { location }: TemporalClient,
): SensorReport {
  const { typedSearchAttributes, raw } = description;
  const [pending] = raw.pendingActivities ?? [];
  const [payload] = pending?.heartbeatDetails?.payloads ?? [];
  const beat = payload && (readPayload(payload, location) as SessionHeartbeat);
  const told =
    view?.state ?? beat?.session.told.state ?? typedSearchAttributes.get(connectionState);
  const state: number = pending?.state ?? 0;
  const isHeld = state >= STARTED && beat?.session.heldBy !== undefined;
  const isOpen = isHeld && beat.connectedSince !== undefined;
  const lastGap = beat?.lastGap ?? view?.lastGap;
  return {
    sensor,
    state: stateOf(isHeld ? beat : undefined, told as ConnectionState | undefined),
    reconnects: beat
      ? reconnectsOf(beat.session.connections)
      : (view?.reconnects ?? typedSearchAttributes.get(reconnects) ?? 0),
    ...(lastGap && { lastGap }),
    ...(beat && figuresOf(beat, isHeld)),
    isTaken: beat !== undefined || (pending?.attempt ?? 1) > 1 || pending?.lastStartedTime != null,
    hasWorker: view !== undefined,
    remarks: remarksOf(sensor, isOpen ? undefined : retriedSteps(description, location)[0], view),
  };
}

/** What a worker says of the connection that it has is newer than what the workflow was told, unless it was told since. */
function stateOf(
  beat: SessionHeartbeat | undefined,
  told: ConnectionState = 'connecting',
): ConnectionState {
  const wasOpen = told === 'connected' || told === 'silent';
  if (!beat) return wasOpen ? 'waiting' : told;
  return beat.connectedSince && beat.session.told.state === told ? beat.state : told;
}

function figuresOf(beat: SessionHeartbeat, isHeld: boolean): Partial<SensorReport> {
  const { connectedSince, file, recordingStopped, messagesPerSecond, lastHour } = beat;
  const isOpen = isHeld && connectedSince !== undefined;
  return {
    messagesPerSecond: isOpen ? messagesPerSecond : 0,
    ...(isOpen && { connectedSince }),
    ...(isHeld && file && { file }),
    ...(isHeld && recordingStopped && { recordingStopped }),
    lastHour: LastHour.fromJson(lastHour).summary(),
  };
}

/** @param retried what keeps the stream from being held; none while it is */
function remarksOf(
  sensor: string,
  retried: RetriedStep | undefined,
  view: SessionView | undefined,
): string[] {
  const { reason, hint, recordingStopped, state } = view ?? {};
  const why = state === 'waiting' || state === 'silent' ? (retried?.reason ?? reason) : undefined;
  const what = retried?.hint ?? hint;
  const sentence = why && `${why.startsWith(sensor) ? '' : `${sensor}: `}${why}`;
  return [
    ...(sentence ? [`${sentence}${what ? ` → ${what}` : ''}`] : []),
    ...(recordingStopped ? [`${sensor}: nothing is being recorded: ${recordingStopped}`] : []),
  ];
}
