import {
  isGrpcServiceError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import type {
  ConnectionChange,
  SessionHeartbeat,
  SessionView,
} from '../../../domain/sensor-session.ts';

const DEADLINE_MS = 2_000;
/** `PENDING_ACTIVITY_STATE_STARTED` of Temporal's API. */
const STARTED = 2;
const NOT_FOUND = 5;

/**
 * Who Temporal says is at work on a session.
 *
 * | holder | what it means |
 * |---|---|
 * | `unknown` | the server is away |
 * | `none` | the session has ended |
 * | `open` | nobody, for the moment, or this worker |
 * | `asking` | another worker, which waits for a sign of the one that had the connection before |
 * | `dialed` | another worker, with a connection of its own |
 */
export interface Sighting {
  holder: 'unknown' | 'none' | 'open' | 'asking' | 'dialed';
  details?: SessionHeartbeat;
}

/** A session as the Temporal server knows it; each question has a short deadline. */
export class SessionOnServer {
  readonly #client: Client;
  readonly #identity: string;
  readonly #workflowId: string;
  readonly #activityId: string;

  constructor(client: Client, ids: { identity: string; workflowId: string; activityId: string }) {
    this.#client = client;
    this.#identity = ids.identity;
    this.#workflowId = ids.workflowId;
    this.#activityId = ids.activityId;
  }

  get #handle() {
    return this.#client.workflow.getHandle(this.#workflowId);
  }

  #soon<T>(call: () => Promise<T>): Promise<T> {
    return this.#client.withDeadline(Date.now() + DEADLINE_MS, call);
  }

  async look(): Promise<Sighting> {
    try {
      return this.#sightingIn(await this.#soon(() => this.#handle.describe()));
    } catch (error) {
      return { holder: isNotFound(error) ? 'none' : 'unknown' };
    }
  }

  #sightingIn({ status, raw }: WorkflowExecutionDescription): Sighting {
    if (status.name !== 'RUNNING') return { holder: 'none' };
    const pending = raw.pendingActivities?.find(
      ({ activityId }) => activityId === this.#activityId,
    );
    const [payload] = pending?.heartbeatDetails?.payloads ?? [];
    const details = payload && defaultPayloadConverter.fromPayload<SessionHeartbeat>(payload);
    const state: number = pending?.state ?? 0;
    const isOthers = state >= STARTED && pending?.lastWorkerIdentity !== this.#identity;
    const hasDialed = details?.session.heldBy === pending?.lastWorkerIdentity;
    const holder = !isOthers ? 'open' : hasDialed ? 'dialed' : 'asking';
    return { holder, ...(details && { details }) };
  }

  /** Speaks in the heartbeat of whichever attempt runs: a sign of life that another worker can see. */
  async claim(details: SessionHeartbeat): Promise<void> {
    const activity = { workflowId: this.#workflowId, activityId: this.#activityId };
    await this.#soon(() => this.#client.activity.heartbeat(activity, details));
  }

  async tell(change: ConnectionChange): Promise<void> {
    await this.#soon(() => this.#handle.signal('connectionChanged', change));
  }

  /** @returns false also where nobody answers */
  async isStopping(): Promise<boolean> {
    try {
      const view = await this.#soon(() => this.#handle.query<SessionView>('session'));
      return view.stopping;
    } catch {
      return false;
    }
  }
}

const isNotFound = (error: unknown): boolean =>
  (error as { name?: string }).name === 'WorkflowNotFoundError' ||
  (isGrpcServiceError(error) && [NOT_FOUND].includes(error.code));
