import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow';
import type { ConnectionState, Gap } from '../domain/sensor.ts';
import {
  reconnectsOf,
  type ConnectionChange,
  type HoldConnectionInput,
  type HoldConnectionResult,
  type SensorSessionInput,
  type SessionLegacy,
  type SessionReport,
  type SessionView,
} from '../domain/sensor-session.ts';

/** Temporal documents 400 bytes for a summary, though not every server insists; a close frame's words are not ours. */
const TITLE_LENGTH = 100;

/** Everything that a session knows about itself; message handlers delegate to it. */
export class SessionState {
  readonly sensor: string;
  stopRequested = false;
  private readonly startedAt: string;
  private readonly show: (view: SessionView) => void;
  private state: ConnectionState;
  private since: string;
  private legacy: SessionLegacy;
  private latest: Partial<ConnectionChange>;
  private letGo: () => void = () => {};

  /** @param show is called after everything that a watcher would want to see */
  constructor({ sensor, checkpoint }: SensorSessionInput, show: (view: SessionView) => void) {
    this.sensor = sensor;
    this.show = show;
    this.startedAt = checkpoint?.startedAt ?? now();
    this.state = checkpoint?.state ?? 'connecting';
    this.since = checkpoint?.since ?? this.startedAt;
    this.legacy = checkpoint?.legacy ?? { connections: 0, attempt: 0 };
    this.latest = checkpoint?.latest ?? {};
  }

  // What the operator says.

  assertRunning(): void {
    if (!this.stopRequested) return;
    const message = `${this.sensor}: the session is being stopped already`;
    throw ApplicationFailure.create({ type: 'usage-invalid', message, nonRetryable: true });
  }

  stop(): void {
    this.stopRequested = true;
    this.letGo();
  }

  reconnect(): void {
    this.letGo();
  }

  // What happens to connections.

  begin(): void {
    this.show(this.view());
  }

  /** @param letGo ends the run of `holdConnection` that begins now */
  holding(letGo: () => void): void {
    this.letGo = letGo;
  }

  /** What the next run of `holdConnection` is for, on the UI's timeline. */
  get holdTitle(): string {
    const { reason } = this.latest;
    if (this.state === 'connecting') return `${this.sensor}: first connection`;
    if (this.state !== 'waiting') return `${this.sensor}: its connection goes on`;
    const title = `${this.sensor}: again, after: ${reason ?? 'no connection'}`;
    return title.replaceAll(/\p{Cc}/gu, ' ').slice(0, TITLE_LENGTH);
  }

  nextHold(): HoldConnectionInput {
    const { sensor, legacy, state } = this;
    const { recordingStopped } = this.latest;
    const { connections } = legacy;
    const told = { state, connections, ...(recordingStopped && { recordingStopped }) };
    return { sensor, told, legacy };
  }

  changed(change: ConnectionChange): void {
    this.latest = change;
    const { connections, lastGap } = change;
    this.legacy = { ...this.legacy, connections, ...(lastGap && { lastGap }) };
    this.enter(change.state, change.at);
  }

  /** It ended, or lives on for the next run to adopt. */
  held({ ended, legacy }: HoldConnectionResult): void {
    this.legacy = legacy;
    if (ended) this.lost(ended.detail, ended.endedAt);
  }

  /** By a person, who wants the next one at once. */
  closed(): void {
    const { dialNotBefore: _later, heldBy: _gone, ...legacy } = this.legacy;
    this.legacy = { ...legacy, attempt: 0 };
    this.lost('closed by a person', now());
  }

  failed(error: unknown): void {
    const cause = error instanceof ActivityFailure ? (error.cause ?? error) : error;
    this.lost(cause instanceof Error ? cause.message : String(cause), now());
  }

  private lost(reason: string, at: string): void {
    this.latest = { reason };
    this.enter('waiting', at);
  }

  stopped(): void {
    this.latest = {};
    this.stopRequested = true;
    this.enter('stopped', now());
  }

  private enter(state: ConnectionState, at: string): void {
    if (state !== this.state) this.since = at;
    this.state = state;
    this.show(this.view());
  }

  // What it tells.

  view(): SessionView {
    const { connectedSince, reason, hint, recordingStopped, worker } = this.latest;
    return {
      sensor: this.sensor,
      state: this.state,
      since: this.since,
      startedAt: this.startedAt,
      ...(connectedSince && { connectedSince }),
      reconnects: reconnectsOf(this.legacy.connections),
      ...this.lastGap(),
      ...(reason && { reason }),
      ...(hint && { hint }),
      ...(recordingStopped && { recordingStopped }),
      ...(worker && { worker }),
      stopping: this.stopRequested,
    };
  }

  report(): SessionReport {
    return {
      sensor: this.sensor,
      startedAt: this.startedAt,
      stoppedAt: this.since,
      reconnects: reconnectsOf(this.legacy.connections),
      ...this.lastGap(),
    };
  }

  private lastGap(): { lastGap?: Gap } {
    const { lastGap } = this.legacy;
    return lastGap ? { lastGap } : {};
  }

  continuation(): SensorSessionInput {
    const { sensor, startedAt, state, since, legacy, latest } = this;
    return { sensor, checkpoint: { startedAt, state, since, legacy, latest } };
  }
}

const now = (): string => new Date().toISOString();
