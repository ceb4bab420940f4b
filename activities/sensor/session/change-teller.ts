import type { ConnectionState } from '../../../domain/sensor.ts';
import type { ConnectionChange } from '../../../domain/sensor-session.ts';
import type { AttemptRun } from './hold-attempt.ts';
import type { HeldStream } from './held-stream.ts';

/** Each costs five events of history: after so many, the run ends, so that the workflow can begin a new history. */
const SIGNALS_PER_RUN = 200;
/** A stream that comes and goes is told of at most so often, with so much patience at first. */
const SIGNAL_EVERY_MS = 30_000;
const SIGNALS_AT_ONCE = 10;

/** Tells the workflow when the state changes, and of nothing else. */
export class ChangeTeller {
  told: ConnectionState;
  signals: number;
  readonly #run: AttemptRun;
  readonly #worker: string;
  #recordingStopped: string | undefined;
  #telling: Promise<void> | undefined;
  #allowance = SIGNALS_AT_ONCE;
  #allowedAt = Date.now();

  constructor(run: AttemptRun, worker: string) {
    this.#run = run;
    this.#worker = worker;
    this.told = run.before?.session.told ?? run.input.told;
    this.signals = run.before?.session.signals ?? 0;
  }

  get toldEnough(): boolean {
    return this.signals >= SIGNALS_PER_RUN;
  }

  /** Tells what has changed, if anything; what the server does not take is told later. */
  look(held: HeldStream): void {
    const { state, connectedSince, lastMessageAt, lastGap, recordingStopped } = held.holder.status;
    const isNew = state !== this.told || recordingStopped !== this.#recordingStopped;
    // A server that throws everybody out at once is not a connection that comes and goes.
    const isProven = state === 'silent' || (lastMessageAt ?? '') >= (connectedSince ?? '');
    const isTellable = (state === 'connected' || state === 'silent') && isProven;
    if (!isNew || !isTellable || this.#telling || !this.#mayTell()) return;
    void this.tell({
      state,
      connections: held.connections,
      ...(connectedSince && { connectedSince }),
      ...(lastGap && { lastGap }),
      ...(recordingStopped && { recordingStopped }),
      ...(state === 'silent' && { reason: 'pongs come, and no message' }),
    });
  }

  /** Waits until it is told; without effect when that is no change. Never throws. */
  async tell(change: Omit<ConnectionChange, 'at' | 'worker'>): Promise<void> {
    await this.#telling;
    const { state, recordingStopped } = change;
    if (state === this.told && recordingStopped === this.#recordingStopped) return;
    const at = new Date().toISOString();
    this.#telling = this.#run.server.tell({ ...change, at, worker: this.#worker }).then(
      () => {
        this.told = state;
        this.#recordingStopped = recordingStopped;
        this.signals++;
      },
      () => undefined,
    );
    await this.#telling;
    this.#telling = undefined;
  }

  #mayTell(): boolean {
    const earned = (Date.now() - this.#allowedAt) / SIGNAL_EVERY_MS;
    this.#allowance = Math.min(SIGNALS_AT_ONCE, this.#allowance + earned);
    this.#allowedAt = Date.now();
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}
