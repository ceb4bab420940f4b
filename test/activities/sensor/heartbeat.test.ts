import { describe, expect, it } from 'vitest';
import type { AwakeClock } from '../../../activities/sensor/awake-clock.ts';
import { Heartbeat } from '../../../activities/sensor/heartbeat.ts';
import { heartbeatProfiles, type HeartbeatProfileName } from '../../../domain/sensor.ts';

/** How late a loaded machine calls back. */
const LATE_MS = 200;
const ROUND_TRIP_MS = 50;

const profiles = Object.keys(heartbeatProfiles) as HeartbeatProfileName[];

describe.each(profiles)('a heartbeat of profile %s', (name) => {
  const profile = heartbeatProfiles[name];
  const { pingEveryMs, pongWithinMs } = profile;

  it('tells a death in time on a loaded machine, and gives the pong all its time', () => {
    const clock = new LateClock();
    const heartbeat = new Heartbeat({ profile, clock: clock as unknown as AwakeClock });
    const pings: { payload: Buffer; atMs: number }[] = [];
    let deadAtMs = 0;
    heartbeat.start({
      ping: (payload) => pings.push({ payload, atMs: clock.now() }),
      onPong: () => {},
      onDead: () => (deadAtMs = clock.now()),
    });
    clock.next();
    clock.pass(ROUND_TRIP_MS);
    heartbeat.pong(pings[0]!.payload);
    const lastPongAtMs = clock.now();
    clock.next();
    clock.next();
    expect(pings).toHaveLength(2);
    expect(deadAtMs - pings[1]!.atMs).toBeGreaterThanOrEqual(pongWithinMs);
    expect(deadAtMs - lastPongAtMs).toBeLessThan(pingEveryMs + pongWithinMs);
  });
});

/** Time that passes at once, up to the next call back. */
class LateClock {
  #nowMs = 0;
  #due: { atMs: number; callback: () => void } | undefined;

  now(): number {
    return this.#nowMs;
  }

  after(ms: number, callback: () => void): () => void {
    this.#due = { atMs: this.#nowMs + ms, callback };
    return () => (this.#due = undefined);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }

  next(): void {
    const { atMs, callback } = this.#due!;
    this.#nowMs = atMs + LATE_MS;
    this.#due = undefined;
    callback();
  }
}
