import type { Pool, PoolClient } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import type { CopyChunkHeartbeat } from '../../domain/migration.ts';
import type { CopyChunkRun } from '../migration-activities.ts';
import { formatKey, type ChunkKey } from './ledger.ts';
import type { MigrationDatabases } from './migration-databases.ts';

const HEARTBEAT_INTERVAL_MS = 2_000;

/**
 * Where one attempt at a chunk stands: it heartbeats, and ends the attempt when no byte has moved for too long
 * while the server is not visibly at work.
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
  private readonly run: CopyChunkRun;
  private details: Omit<CopyChunkHeartbeat, 'silentSeconds'> = {
    stage: 'claim',
    cells: 0,
    bytes: 0,
  };
  private lastMoveAt = Date.now();
  private watched: { pool: Pool; pid: number }[] = [];

  constructor(key: ChunkKey, { stallMs }: MigrationDatabases, run: CopyChunkRun) {
    this.key = key;
    this.stallMs = stallMs;
    this.run = run;
    this.signal = AbortSignal.any([run.signal, this.stop.signal]);
    this.timer = setInterval(() => void this.tick(), Math.min(HEARTBEAT_INTERVAL_MS, stallMs / 4));
  }

  enter(stage: CopyChunkHeartbeat['stage'], cells = this.details.cells): void {
    this.details = { ...this.details, stage, cells };
    this.lastMoveAt = Date.now();
    this.run.heartbeat({ ...this.details, silentSeconds: 0 });
  }

  moved(bytes: number): void {
    this.details.bytes += bytes;
    this.lastMoveAt = Date.now();
  }

  /** Names a backend that is at work now, so that a busy one is not taken for a dead one. */
  watch(pool: Pool, client: PoolClient): void {
    this.watched.push({ pool, pid: (client as unknown as { processID: number }).processID });
  }

  /** None of the backends that were named is at work for this attempt any more. */
  unwatch(): void {
    this.watched = [];
  }

  end(): void {
    clearInterval(this.timer);
  }

  private async tick(): Promise<void> {
    const silentSeconds = Math.round(this.silentMs / 1_000);
    this.run.heartbeat({ ...this.details, silentSeconds });
    if (!this.isSilent || (await this.isBackendAtWork())) return;
    // While that was asked, something may have moved.
    if (!this.isSilent) return;
    this.stalled = new FairleadError(
      'connection-stalled',
      `${formatKey(this.key)}: no byte for ${silentSeconds} s in stage ${this.details.stage}, and the server is not at work`,
      { hint: 'It is tried again on a new connection.' },
    );
    this.stop.abort(this.stalled);
  }

  private get silentMs(): number {
    return Date.now() - this.lastMoveAt;
  }

  private get isSilent(): boolean {
    return this.silentMs >= this.stallMs && !this.stalled;
  }

  private async isBackendAtWork(): Promise<boolean> {
    const [backend] = this.watched;
    if (!backend) return false;
    const question = `select coalesce(bool_or(
         state = 'active' and coalesce(wait_event_type, '') not in ('Client', 'Lock')), false) as at_work
      from pg_stat_activity where pid = any($1)`;
    try {
      const { rows } = await backend.pool.query(question, [this.watched.map(({ pid }) => pid)]);
      return rows[0].at_work;
    } catch {
      // A server that does not answer this either is not visibly at work.
      return false;
    }
  }
}
