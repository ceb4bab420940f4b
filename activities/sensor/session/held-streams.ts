import type { SessionLegacy } from '../../../domain/sensor-session.ts';
import type { SensorLog } from '../sensor-log.ts';
import type { SignalLimits } from './change-teller.ts';
import { HeldStream, type OpenHolder } from './held-stream.ts';
import type { SessionOnServer } from './session-on-server.ts';

/** Longer than the longest wait of the reconnect ladder: between two attempts a recording goes on. */
const LINGER_MS = 150_000;
const LOOK_EVERY_MS = 500;

export interface HeldStreamsOptions {
  /** Of this worker, as Temporal knows it; no other process has ever had it. */
  identity: string;
  open: OpenHolder;
  /** How long a connection is held that no attempt of the activity vouches for. */
  holdAloneMs: number;
  /** How often workflows are told of changes: each time costs five events of history. */
  signals?: SignalLimits;
  log: SensorLog;
}

/** The streams that this process holds, by sensor, between the attempts and runs of their activities too. */
export class HeldStreams implements AsyncDisposable {
  readonly options: HeldStreamsOptions;
  readonly #streams = new Map<string, HeldStream>();
  readonly #lingering = new Map<HeldStream, NodeJS.Timeout>();
  #closed = false;

  constructor(options: HeldStreamsOptions) {
    this.options = options;
  }

  /** One that this process holds already. */
  find(sensor: string): HeldStream | undefined {
    const held = this.#streams.get(sensor);
    return held?.isFinished ? undefined : held;
  }

  /** @throws {FairleadError} `sensor-unknown` */
  async take(sensor: string, legacy: SessionLegacy, owner: object): Promise<HeldStream> {
    const found = this.find(sensor);
    if (found && this.#isOutdated(found, legacy)) void this.finish(found);
    const held = this.find(sensor) ?? (await this.#open(sensor, legacy));
    clearTimeout(this.#lingering.get(held));
    this.#lingering.delete(held);
    held.owner = owner;
    return held;
  }

  /** Another worker has held it meanwhile, and knows the last message and the last hour better. */
  #isOutdated(held: HeldStream, { worker }: SessionLegacy): boolean {
    const isOthers = worker !== undefined && worker !== this.options.identity;
    return isOthers && !held.hasConnection && !held.keepsPort;
  }

  async #open(sensor: string, legacy: SessionLegacy): Promise<HeldStream> {
    const held = await HeldStream.open(sensor, legacy, this.options.open);
    this.#streams.set(sensor, held);
    return held;
  }

  /** For the next attempt, which may come to this process or not. */
  linger(held: HeldStream, owner: object): void {
    if (held.owner !== owner || this.#closed) return;
    clearTimeout(this.#lingering.get(held));
    const timer = setTimeout(() => void this.finish(held), LINGER_MS);
    this.#lingering.set(held, timer);
  }

  /** Drains, finishes the recording, and forgets it. */
  async finish(held: HeldStream): Promise<void> {
    clearTimeout(this.#lingering.get(held));
    this.#lingering.delete(held);
    await held.finish();
    if (this.#streams.get(held.sensor) === held) this.#streams.delete(held.sensor);
  }

  /**
   * Keeps a connection that its attempt had to leave, until the next attempt adopts it. It ends when the session has
   * ended, another worker has dialed, or nobody came for it in time.
   *
   * @param claim tells the server that it is held, so that another worker gives the session back
   */
  async guard(
    held: HeldStream,
    owner: object,
    server: SessionOnServer,
    claim: () => Promise<void>,
  ) {
    const { holdAloneMs, log } = this.options;
    const until = Date.now() + holdAloneMs;
    const isOrphan = () => held.owner === owner && held.isNeeded && !this.#closed;
    while (isOrphan() && Date.now() < until) {
      const sighting = await server.look();
      if (!isOrphan()) break;
      if (sighting.holder === 'none' || sighting.holder === 'dialed')
        return this.#leave(held, sighting.holder);
      if (sighting.holder === 'asking') await claim().catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    if (!isOrphan()) return this.linger(held, owner);
    log.warn('connection closed that no attempt came for', { sensor: held.sensor, holdAloneMs });
    await this.finish(held);
  }

  async #leave(held: HeldStream, holder: string): Promise<void> {
    this.options.log.info('connection left', { sensor: held.sensor, holder });
    await this.finish(held);
  }

  /** At the end of the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#streams.values()].map((held) => this.finish(held)));
  }
}
