import { FairleadError } from '../../domain/errors.ts';
import type { CopyChunkHeartbeat } from '../../domain/migration.ts';
import { slotWaitWithin } from '../../domain/migration-timing.ts';
import type { CopyChunkRun } from '../migration-activities.ts';
import type { WatchedConnection } from './connection.ts';
import { DeadPathError } from './dead-path.ts';
import { formatKey, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';
import type { SourceSlots } from './source-slots.ts';
import { lookAtServer, type Sight } from './server-at-work.ts';

const HEARTBEAT_INTERVAL_MS = 2_000;
/** A server that does not answer within this share of the bound for silence is one that cannot be reached. */
const ANSWER_SHARE = 1 / 12;
/** Also where the bound is short: connecting takes time on a busy machine. */
const LEAST_ANSWER_MS = 1_000;
/** One that is at work is asked again after this share. */
const REPEAT_SHARE = 1 / 6;

/**
 * Where one attempt at a chunk stands: it heartbeats, and ends the attempt when no byte has moved for too long
 * while the server is not visibly at work, or cannot be reached.
 */
export class ChunkProgress {
  /** Ends the attempt's connections: when Temporal cancels it, or when it stalls. */
  readonly signal: AbortSignal;
  /** Why the attempt was ended from here; the error that the caller should see. */
  stalled: FairleadError | undefined;
  private readonly stop = new AbortController();
  private readonly timer: NodeJS.Timeout;
  private readonly key: ChunkKey;
  private readonly stallMs: number;
  private readonly sourceSlots: SourceSlots;
  private readonly run: CopyChunkRun;
  private details: Omit<CopyChunkHeartbeat, 'silentSeconds' | 'spared'> = {
    stage: 'claim',
    cells: 0,
    bytes: 0,
  };
  private lastMoveAt = Date.now();
  /** The connections in use, and the bytes that each one had moved when it was looked at last. */
  private readonly connections = new Map<WatchedConnection, number>();
  private isAsking = false;
  private askAgainAt = 0;
  private copied: string | undefined;

  constructor(key: ChunkKey, { stallMs, sourceSlots }: MigrationDatabases, run: CopyChunkRun) {
    this.key = key;
    this.stallMs = stallMs;
    this.sourceSlots = sourceSlots;
    this.run = run;
    this.signal = AbortSignal.any([run.signal, this.stop.signal]);
    this.timer = setInterval(() => this.tick(), Math.min(HEARTBEAT_INTERVAL_MS, stallMs / 4));
  }

  enter(stage: CopyChunkHeartbeat['stage'], cells = this.details.cells): void {
    this.details = { ...this.details, stage, cells };
    this.lastMoveAt = Date.now();
    this.heartbeat();
  }

  /** Counts what arrived; 0 for an answer that is none of the chunk's cells. */
  moved(bytes: number): void {
    this.details.bytes += bytes;
    this.lastMoveAt = Date.now();
  }

  sourceAnswered(seconds: number): void {
    this.run.sourceAnswered?.(seconds);
  }

  /** Undefined where this attempt's own time is not known. */
  get slotWithinMs(): number | undefined {
    return this.run.timeoutMs && slotWaitWithin(this.run.timeoutMs);
  }

  /** For `withConnection`: counts the bytes of a connection, and asks its server what it does when there are none. */
  readonly watch = (connection: WatchedConnection): (() => void) => {
    this.connections.set(connection, bytesOf(connection));
    return () => void this.connections.delete(connection);
  };

  end(): void {
    clearInterval(this.timer);
  }

  private tick(): void {
    this.countBytes();
    this.heartbeat();
    if (!this.isSilent || this.isAsking || Date.now() < this.askAgainAt) return;
    this.isAsking = true;
    void this.judge().finally(() => (this.isAsking = false));
  }

  private heartbeat(): void {
    const { restraint } = this.sourceSlots;
    const { silentSeconds } = this;
    this.run.heartbeat({ ...this.details, silentSeconds, ...(restraint && { spared: restraint }) });
  }

  private countBytes(): void {
    for (const [connection, before] of this.connections) {
      const bytes = bytesOf(connection);
      if (bytes === before) continue;
      this.connections.set(connection, bytes);
      this.lastMoveAt = Date.now();
      this.copied = undefined;
    }
  }

  private async judge(): Promise<void> {
    const answerMs = Math.max(LEAST_ANSWER_MS, this.stallMs * ANSWER_SHARE);
    const sight = await lookAtServer(this.connections.keys(), answerMs);
    this.countBytes();
    // While that was asked, something may have moved.
    if (!this.isSilent || this.signal.aborted) return;
    if (this.isAtWork(sight)) {
      this.askAgainAt = Date.now() + this.stallMs * REPEAT_SHARE;
      return;
    }
    this.stalled = this.failureOf(sight);
    this.stop.abort(this.stalled);
  }

  /** A COPY that is seen for the first time may be moving. */
  private isAtWork(sight: Sight): boolean {
    if (sight.path === 'dead') return false;
    const hasMoved = sight.copied !== '0' && sight.copied !== this.copied;
    this.copied = sight.copied;
    return sight.isWorking || hasMoved;
  }

  private failureOf(sight: Sight): FairleadError {
    const silence = `${formatKey(this.key)}: no byte for ${this.silentSeconds} s in stage ${this.details.stage}`;
    const isUnknown = this.details.stage === 'commit';
    if (sight.path === 'dead')
      return new DeadPathError(
        `${silence}, and ${sight.why}`,
        isUnknown ? 'commit-unknown' : 'connection-lost',
      );
    const code = isUnknown ? 'commit-unknown' : 'connection-stalled';
    return new FairleadError(code, `${silence}, and the server is not at work`, {
      hint: 'It is tried again on a new connection.',
    });
  }

  private get silentMs(): number {
    return Date.now() - this.lastMoveAt;
  }

  private get silentSeconds(): number {
    return Math.round(this.silentMs / 1_000);
  }

  private get isSilent(): boolean {
    const isWaiting = this.details.stage === 'slot' && this.connections.size === 0;
    return this.silentMs >= this.stallMs && !this.stalled && !isWaiting;
  }
}

const bytesOf = ({ socket }: WatchedConnection): number => socket.bytesRead + socket.bytesWritten;
