import { setTimeout as sleep } from 'node:timers/promises';
import { FairleadError } from '../../../domain/errors.ts';
import { nextAttempt } from '../../../domain/reconnect-ladder.ts';
import type { EndedConnection } from '../../../domain/sensor.ts';
import type {
  HoldConnectionInput,
  HoldConnectionResult,
  SessionHeartbeat,
  SessionLegacy,
} from '../../../domain/sensor-session.ts';
import { asFairleadError, retriedFailureOf } from '../../application-failure-of.ts';
import { ChangeTeller } from './change-teller.ts';
import type { HeldStream } from './held-stream.ts';
import type { HeldStreams } from './held-streams.ts';
import { untilFree } from './other-holder.ts';
import type { SessionOnServer } from './session-on-server.ts';
import type { TemporalContact } from './temporal-contact.ts';

const BEAT_EVERY_MS = 1_000;
const OPERATOR_WAIT_MS = 60_000;
const HELD_ELSEWHERE_WAIT_MS = 300;

/** What Temporal gives an attempt of the activity. */
export interface AttemptRun {
  input: HoldConnectionInput;
  /** Details of the last heartbeat of the attempt before. */
  before: SessionHeartbeat | undefined;
  signal: AbortSignal;
  /** After an abort: the server no longer knows this attempt, which need not mean that anyone else has the stream. */
  isOrphaned(): boolean;
  isShutdown(): boolean;
  heartbeat(details: SessionHeartbeat): void;
  server: SessionOnServer;
  contact: TemporalContact;
}

type Interruption = 'cancelled' | 'told enough' | 'cut off';

/**
 * One attempt of `holdConnection`. It adopts the connection that this process may still hold, or dials when no other
 * process does, and holds it until it ends.
 */
export class HoldAttempt {
  readonly #run: AttemptRun;
  readonly #streams: HeldStreams;
  readonly #legacy: SessionLegacy;
  readonly #teller: ChangeTeller;
  #beats: number;
  #interrupt: (why: Interruption) => void = () => {};
  readonly #interrupted = new Promise<Interruption>((resolve) => (this.#interrupt = resolve));

  constructor(run: AttemptRun, streams: HeldStreams) {
    this.#run = run;
    this.#streams = streams;
    this.#legacy = legacyOf(run);
    const { identity, signals } = streams.options;
    this.#teller = new ChangeTeller(run, identity, signals);
    this.#beats = run.before?.session.beat ?? 0;
    run.signal.addEventListener('abort', () => this.#interrupt('cancelled'));
  }

  /**
   * @returns after a healthy connection, or to spare the history
   * @throws what Temporal tries again, when the reconnect ladder says so; the signal's reason when cancelled
   */
  async hold(): Promise<HoldConnectionResult> {
    const held = await this.#take();
    const stopWatching = this.#watch(held);
    try {
      const end = await Promise.race([this.#untilEnd(held), this.#interrupted]);
      return typeof end === 'string'
        ? await this.#interruptedWith(end, held)
        : await this.#ended(end, held);
    } finally {
      stopWatching();
      held.onChange = () => {};
    }
  }

  async #take(): Promise<HeldStream> {
    const { input, server, signal } = this.#run;
    const { identity } = this.#streams.options;
    const { heldBy } = this.#legacy;
    if (heldBy && heldBy !== identity && !this.#streams.find(input.sensor)?.isNeeded) {
      const isFree = await untilFree(server, heldBy, this.#beats, signal);
      if (!isFree) throw this.#heldElsewhere(heldBy);
    }
    try {
      const held = await this.#streams.take(input.sensor, this.#legacy, this);
      if (!held.hasConnection) held.attempt = this.#legacy.attempt;
      held.connections = Math.max(held.connections, this.#legacy.connections);
      return held;
    } catch (error) {
      throw await this.#notTaken(error);
    }
  }

  #heldElsewhere(heldBy: string): Error {
    const message = `${this.#run.input.sensor}: worker ${heldBy} holds the connection still, and takes it again`;
    return retriedFailureOf(
      new FairleadError('sensor-held-elsewhere', message),
      HELD_ELSEWHERE_WAIT_MS,
    );
  }

  /** Nothing was dialed: the configuration, or a file that it names, is not as it must be. */
  async #notTaken(error: unknown): Promise<Error> {
    const { message: reason, hint } = asFairleadError(error);
    const { connections } = this.#legacy;
    await this.#teller.tell({ state: 'waiting', connections, reason, ...(hint && { hint }) });
    return retriedFailureOf(error, OPERATOR_WAIT_MS);
  }

  /** Heartbeats, tells changes, and notices when Temporal is away for too long, or has given the session away. */
  #watch(held: HeldStream): () => void {
    const look = () => {
      this.#teller.look(held);
      if (this.#teller.toldEnough) this.#interrupt('told enough');
    };
    const beat = () => {
      this.#beat(held);
      look();
      if (this.#run.contact.awayMs > this.#streams.options.holdAloneMs) this.#interrupt('cut off');
    };
    held.onChange = look;
    beat();
    const timer = setInterval(beat, BEAT_EVERY_MS);
    const forget = this.#run.contact.onReturn(() => void this.#lookAround());
    return () => (clearInterval(timer), forget());
  }

  #beat(held: HeldStream, heldBy?: string): void {
    this.#run.heartbeat(this.#details(held, heldBy ?? this.#streams.options.identity));
  }

  #details(held: HeldStream, heldBy: string): SessionHeartbeat {
    const { lastHour, lastGap = this.#legacy.lastGap, ...status } = held.holder.status;
    const { attempt, connections } = held;
    const { told, signals } = this.#teller;
    const worker = this.#streams.options.identity;
    const session = { worker, attempt, connections, told, signals, beat: ++this.#beats };
    // A person reads them from the top.
    return {
      ...status,
      ...(lastGap && { lastGap }),
      session: { ...session, ...(heldBy && { heldBy }) },
      lastHour,
    };
  }

  /** After Temporal was away, its first word may come before that of the heartbeats, which wait between tries. */
  async #lookAround(): Promise<void> {
    const { holder } = await this.#run.server.look();
    if (holder === 'asking' || holder === 'dialed') this.#interrupt('cancelled');
  }

  async #untilEnd(held: HeldStream): Promise<EndedConnection> {
    const { dialNotBefore } = this.#legacy;
    const waitMs = dialNotBefore === undefined ? 0 : Date.parse(dialNotBefore) - Date.now();
    if (waitMs > 0 && !held.hasConnection) {
      const { signal } = this.#run;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return new Promise<never>(() => {});
    }
    return held.hold();
  }

  async #ended(ended: EndedConnection, held: HeldStream): Promise<HoldConnectionResult> {
    const { healthy, detail, lastMessageAt } = ended;
    const next = nextAttempt({ attempt: held.attempt, healthy }, Math.random());
    held.attempt = next.attempt;
    this.#letLinger(held);
    if (healthy) {
      const dialNotBefore = new Date(Date.now() + next.delayMs).toISOString();
      return { ended, legacy: { ...this.#left(held, lastMessageAt), dialNotBefore } };
    }
    await this.#teller.tell({ state: 'waiting', connections: held.connections, reason: detail });
    this.#beat(held, held.keepsPort ? this.#streams.options.identity : '');
    if (this.#teller.toldEnough) return { legacy: this.#delayed(held, next.delayMs) };
    throw retriedFailureOf(
      new FairleadError('sensor-offline', `${held.sensor}: ${detail}`),
      next.delayMs,
    );
  }

  #delayed(held: HeldStream, delayMs: number): SessionLegacy {
    return { ...this.#left(held), dialNotBefore: new Date(Date.now() + delayMs).toISOString() };
  }

  /** What the next run goes on from. */
  #left(held: HeldStream, lastMessageAt = held.holder.status.lastMessageAt): SessionLegacy {
    const { lastGap = this.#legacy.lastGap, lastHour } = held.holder.status;
    const { attempt, connections, isNeeded } = held;
    const worker = this.#streams.options.identity;
    return {
      connections,
      attempt,
      lastHour,
      worker,
      ...(isNeeded && { heldBy: worker }),
      ...(lastMessageAt && { lastMessageAt }),
      ...(lastGap && { lastGap }),
    };
  }

  async #interruptedWith(why: Interruption, held: HeldStream): Promise<HoldConnectionResult> {
    if (why === 'told enough') {
      this.#leave(held);
      return { legacy: this.#left(held) };
    }
    if (why === 'cut off') return this.#cutOff(held);
    if (!this.#run.signal.aborted || this.#run.isOrphaned()) this.#leave(held);
    else await this.#letGo(held);
    this.#run.signal.throwIfAborted();
    throw this.#heldElsewhere('another');
  }

  /** Until the next attempt; one that came to another worker after a dead peer would leave from another port. */
  #letLinger(held: HeldStream): void {
    if (held.keepsPort) this.#leave(held);
    else this.#streams.linger(held, this);
  }

  /** The connection lives on, for the next attempt to adopt. */
  #leave(held: HeldStream): void {
    const { server } = this.#run;
    const claim = () => server.claim(this.#details(held, this.#streams.options.identity));
    void this.#streams.guard(held, this, server, claim);
  }

  async #letGo(held: HeldStream): Promise<void> {
    if (held.owner !== this) return;
    await held.close();
    const { connections } = held;
    if (this.#run.isShutdown())
      await this.#teller.tell({ state: 'waiting', connections, reason: 'its worker was ended' });
    const isOver = this.#run.isShutdown() || (await this.#run.server.isStopping());
    if (isOver) await this.#streams.finish(held);
    else this.#streams.linger(held, this);
    this.#beat(held, '');
  }

  /** Another worker may have been given the session long ago: there must be an end to two connections. */
  async #cutOff(held: HeldStream): Promise<never> {
    await held.close();
    this.#streams.linger(held, this);
    this.#beat(held, '');
    const seconds = Math.round(this.#run.contact.awayMs / 1_000);
    const message = `${held.sensor}: Temporal has not answered for ${seconds} s, and another worker may hold the stream by now`;
    throw retriedFailureOf(new FairleadError('temporal-unreachable', message), 1_000);
  }
}

/** What the attempt before knew last, or else what the run before left. */
function legacyOf({ before, input }: AttemptRun): SessionLegacy {
  if (!before) return input.legacy;
  const { session, lastMessageAt, lastGap, lastHour } = before;
  const { attempt, connections, heldBy, worker } = session;
  return {
    attempt,
    connections,
    lastHour,
    worker,
    ...(heldBy && { heldBy }),
    ...(lastMessageAt && { lastMessageAt }),
    ...(lastGap && { lastGap }),
  };
}
