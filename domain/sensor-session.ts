import type { LastHourJson } from './last-hour.ts';
import type { ConnectionState, EndedConnection, Gap, StreamStatus } from './sensor.ts';

/** A session knows its sensor by name only; the worker resolves it, so that no URL is in a history. */
export interface SensorSessionInput {
  sensor: string;
  /** Of the run before. */
  checkpoint?: SessionCheckpoint;
}

/** What one run of `holdConnection` leaves to the next, of the same session. */
export interface SessionLegacy {
  /** That were opened since the session began. */
  connections: number;
  /** Of the reconnect ladder, for the next dial. */
  attempt: number;
  /** The next dial comes no sooner. */
  dialNotBefore?: string;
  lastMessageAt?: string;
  lastGap?: Gap;
  lastHour?: LastHourJson;
  /** The worker that wrote this. */
  worker?: string;
  /** The worker that still has the connection open, or the port that the next one must leave from. */
  heldBy?: string;
}

export interface SessionCheckpoint {
  startedAt: string;
  state: ConnectionState;
  since: string;
  legacy: SessionLegacy;
  /** What it was told last: a connection that lives on is told of no more. */
  latest?: Partial<ConnectionChange>;
}

/** What the workflow believes: it is told only of changes. */
export interface Told {
  state: ConnectionState;
  connections: number;
  recordingStopped?: string;
}

export interface HoldConnectionInput {
  sensor: string;
  told: Told;
  legacy: SessionLegacy;
}

/** How a run of `holdConnection` ended that was not cancelled. */
export interface HoldConnectionResult {
  /** The healthy connection that ended; none when it lives on, for the next run to adopt. */
  ended?: EndedConnection;
  legacy: SessionLegacy;
}

/** Heartbeat details of `holdConnection`: what a person sees in the UI, and what the next attempt goes on from. */
export interface SessionHeartbeat extends StreamStatus {
  session: {
    /** That says this. */
    worker: string;
    /** The worker that has a connection, is about to, or has to be the next one; absent once it let go. */
    heldBy?: string;
    attempt: number;
    connections: number;
    told: Told;
    /** How often the workflow was told something in this run of the activity: each costs history. */
    signals: number;
    /** Grows with each heartbeat. */
    beat: number;
  };
}

/** What the workflow is told: changes of state only. */
export interface ConnectionChange extends Told {
  at: string;
  worker: string;
  connectedSince?: string;
  lastGap?: Gap;
  /** Why it is waiting, or silent. */
  reason?: string;
  /** What to type, where a person must act. */
  hint?: string;
}

/** The answer to the query `session`, and what the Temporal UI shows. */
export interface SessionView {
  sensor: string;
  state: ConnectionState;
  /** When it came into this state. */
  since: string;
  startedAt: string;
  connectedSince?: string;
  reconnects: number;
  lastGap?: Gap;
  reason?: string;
  hint?: string;
  recordingStopped?: string;
  worker?: string;
  /** A person has asked for its end. */
  stopping: boolean;
}

/** What a session that was stopped has been. */
export interface SessionReport {
  sensor: string;
  startedAt: string;
  stoppedAt: string;
  reconnects: number;
  lastGap?: Gap;
}

/** Of opened connections, the first is none. */
export const reconnectsOf = (connections: number): number => Math.max(0, connections - 1);
