import { randomBytes } from 'node:crypto';
import type { HeartbeatProfile } from '../../domain/sensor.ts';
import type { AwakeClock } from './awake-clock.ts';

const PAYLOAD_BYTES = 8;
/** Pings are sent before they are due, so that the late timers of a loaded machine do not break the promised bound. */
const SHARE_OF_INTERVAL = 0.97;

export interface HeartbeatOptions {
  profile: HeartbeatProfile;
  /** Stands still while this process does, so that our own stall is never the peer's death. */
  clock: AwakeClock;
}

export interface Peer {
  ping: (payload: Buffer) => void;
  /** The pong of the last ping came. */
  onPong: (roundTripMs: number) => void;
  onDead: () => void;
}

/**
 * Asks the peer for a sign of life, from {@link start} until {@link stop} or its death.
 *
 * | state | what happens | what is done | next |
 * |---|---|---|---|
 * | resting | an interval since the last ping has passed | a ping with a payload of its own | waiting |
 * | waiting | the pong with that payload | the round trip is told | resting |
 * | waiting | any other pong | nothing | waiting |
 * | waiting | no pong in time | the death is told | dead |
 *
 * So a peer that died is noticed within the interval and the time for a pong, counted from its last pong.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #peer: Peer | undefined;
  #payload: Buffer | undefined;
  #sentAt = 0;
  #forget = () => {};

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** The first ping comes after one interval. */
  start(peer: Peer): void {
    this.#peer = peer;
    this.#rest(0);
  }

  pong(payload: Buffer): void {
    if (!this.#payload?.equals(payload)) return;
    this.stop();
    const roundTripMs = this.#options.clock.now() - this.#sentAt;
    this.#peer!.onPong(roundTripMs);
    this.#rest(roundTripMs);
  }

  stop(): void {
    this.#forget();
    this.#payload = undefined;
  }

  #rest(latencyMs: number): void {
    const { clock, profile } = this.#options;
    const restMs = profile.pingEveryMs * SHARE_OF_INTERVAL - latencyMs;
    this.#forget = clock.after(restMs, () => this.#ping());
  }

  #ping(): void {
    const { clock, profile } = this.#options;
    const { ping, onDead } = this.#peer!;
    this.#payload = randomBytes(PAYLOAD_BYTES);
    this.#sentAt = clock.now();
    this.#forget = clock.after(profile.pongWithinMs, onDead);
    ping(this.#payload);
  }
}
