import type { ConnectionChange, Told } from '../../../domain/sensor-session.ts';
import type { AttemptRun } from './hold-attempt.ts';
import type { HeldStream } from './held-stream.ts';

export interface SignalLimits {
  /** A stream that comes and goes is told of at most so often; a few times at first it is told at once. */
  everyMs: number;
  /** After so many, the run of the activity ends, so that the workflow can begin a new history. */
  perRun: number;
}

const USUAL_LIMITS: SignalLimits = { everyMs: 30_000, perRun: 200 };
const SIGNALS_AT_ONCE = 10;

/** Tells the workflow when the state changes, and of nothing else. */
export class ChangeTeller {
  told: Told;
  signals: number;
  readonly #run: AttemptRun;
  readonly #worker: string;
  readonly #limits: SignalLimits;
  #telling: Promise<void> | undefined;
  #allowance = SIGNALS_AT_ONCE;
  #allowedAt = Date.now();

  constructor(run: AttemptRun, worker: string, limits = USUAL_LIMITS) {
    this.#run = run;
    this.#limits = limits;
    this.#worker = worker;
    this.told = run.before?.session.told ?? run.input.told;
    this.signals = run.before?.session.signals ?? 0;
  }

  get toldEnough(): boolean {
    return this.signals >= this.#limits.perRun;
  }

  /** Tells what has changed, if anything; what the server does not take is told later. */
  look(held: HeldStream): void {
    const { state, connectedSince, lastMessageAt, lastGap, recordingStopped } = held.holder.status;
    const { connections } = held;
    const now = { state, connections, ...(recordingStopped && { recordingStopped }) };
    // A server that throws everybody out at once is not a connection that comes and goes.
    const isProven = state === 'silent' || (lastMessageAt ?? '') >= (connectedSince ?? '');
    const isTellable = (state === 'connected' || state === 'silent') && isProven;
    if (!isTellable || isSame(now, this.told) || this.#telling || !this.#mayTell()) return;
    void this.tell({
      ...now,
      ...(connectedSince && { connectedSince }),
      ...(lastGap && { lastGap }),
      ...(state === 'silent' && { reason: 'pongs come, and no message' }),
    });
  }

  /** Waits until it is told; without effect when that is no change. Never throws. */
  async tell(change: Omit<ConnectionChange, 'at' | 'worker'>): Promise<void> {
    await this.#telling;
    const { state, connections, recordingStopped } = change;
    const told = { state, connections, ...(recordingStopped && { recordingStopped }) };
    // Waiting goes on, whatever each attempt met: a month offline must not grow the history.
    const isWaiting = state === 'waiting' && this.told.state === 'waiting';
    if (isWaiting || isSame(told, this.told)) return;
    this.#telling = this.#send(change, told);
    await this.#telling;
    this.#telling = undefined;
  }

  async #send(change: Omit<ConnectionChange, 'at' | 'worker'>, told: Told): Promise<void> {
    const at = new Date().toISOString();
    try {
      await this.#run.server.tell({ ...change, at, worker: this.#worker });
      this.told = told;
      this.signals++;
    } catch {
      // The server is away: the next look finds that it is still to be told.
    }
  }

  #mayTell(): boolean {
    const earned = (Date.now() - this.#allowedAt) / this.#limits.everyMs;
    this.#allowance = Math.min(SIGNALS_AT_ONCE, this.#allowance + earned);
    this.#allowedAt = Date.now();
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}

const isSame = (a: Told, b: Told): boolean =>
  a.state === b.state &&
  a.connections === b.connections &&
  a.recordingStopped === b.recordingStopped;
