import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LastHour } from '../../domain/last-hour.ts';

const MINUTE = 60_000;
const START = Date.parse('2026-03-01T12:00:00Z');

function clocked(startMs = START) {
  let now = startMs;
  return { now: () => now, pass: (ms: number) => (now += ms) };
}

describe('the last hour', () => {
  it('adds up what happened, and forgets it after an hour', () => {
    const clock = clocked();
    const hour = new LastHour(clock.now);
    hour.connectionOpened();
    hour.pinged(2);
    hour.pinged(5);
    hour.received({ messages: 1, bytes: 1_800 });
    hour.received({ messages: 1, bytes: 200 });
    hour.dropped({ messages: 1, bytes: 50 });
    hour.queued(900);
    hour.queued(300);
    hour.rest({ failed: false, seconds: 0.03 });
    hour.rest({ failed: true, seconds: 0.01 });
    clock.pass(10 * MINUTE);
    hour.connectionEnded('dead-peer');
    clock.pass(30_000);
    hour.gap(30);
    expect(hour.summary()).toEqual({
      connects: 1,
      ended: { 'dead-peer': 1 },
      connectedSeconds: 600,
      gapSeconds: 30,
      pingMs: { min: 2, mean: 3.5, max: 5 },
      messages: 2,
      bytes: 2_000,
      dropped: { messages: 1, bytes: 50 },
      maxQueuedBytes: 900,
      rest: { calls: 2, errors: 1, meanMs: 20 },
    });
    clock.pass(61 * MINUTE);
    expect(hour.summary()).toEqual({
      connects: 0,
      ended: {},
      connectedSeconds: 0,
      gapSeconds: 0,
      messages: 0,
      bytes: 0,
      dropped: { messages: 0, bytes: 0 },
      maxQueuedBytes: 0,
    });
  });

  it('counts a connection of months as one hour at most, also while nothing else happens', () => {
    const clock = clocked(START + 2 * MINUTE);
    const hour = new LastHour(clock.now);
    hour.connectionOpened();
    clock.pass(90 * 24 * 60 * MINUTE);
    const { connectedSeconds, connects } = hour.summary();
    expect(connects).toBe(0);
    expect(connectedSeconds).toBeLessThanOrEqual(3_600);
    expect(connectedSeconds).toBeGreaterThanOrEqual(55 * 60);
  });

  it('counts of a gap what lies in the hour, though it began days ago', () => {
    const hour = new LastHour(clocked().now);
    hour.gap(3 * 24 * 3_600);
    expect(hour.summary().gapSeconds).toBeLessThanOrEqual(3_600);
    expect(hour.summary().gapSeconds).toBeGreaterThanOrEqual(55 * 60);
  });

  it('goes on in another process, which holds no connection yet', () => {
    const clock = clocked();
    const first = new LastHour(clock.now);
    first.connectionOpened();
    first.received({ messages: 7, bytes: 70 });
    clock.pass(6 * MINUTE);
    const second = LastHour.fromJson(JSON.parse(JSON.stringify(first.toJson())), clock.now);
    clock.pass(4 * MINUTE);
    second.received({ messages: 1, bytes: 10 });
    expect(second.summary()).toMatchObject({ connects: 1, messages: 8, connectedSeconds: 360 });
    expect(first.summary().connectedSeconds).toBe(600);
  });

  it('leaves out what it cannot read, and what a clock that ran ahead has left', () => {
    const ahead = new LastHour(clocked(START + 24 * 3_600_000).now);
    ahead.received({ messages: 1, bytes: 1 });
    const odd = { ...ahead.toJson(), x: 3, '%': 'a,b', '3w': '!,!,!' };
    for (const json of [odd, null, 'text', [1, 2], undefined]) {
      expect(LastHour.fromJson(json, () => START).summary().messages).toBe(0);
    }
  });

  it('survives JSON, in at most 1.5 KB', () => {
    const events = fc.array(
      fc.record({
        passMs: fc.integer({ min: 0, max: 20 * MINUTE }),
        ping: fc.double({ min: 0, max: 30_000, noNaN: true }),
        messages: fc.integer({ min: 0, max: 30_000 }),
        bytes: fc.integer({ min: 0, max: 15_000_000_000 }),
        reason: fc.constantFrom('dead-peer', 'closed', 'lost', 'not-opened', 'thrown-out'),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (happened) => {
        const clock = clocked();
        const hour = new LastHour(clock.now);
        for (const { passMs, ping, messages, bytes, reason } of happened) {
          clock.pass(passMs);
          hour.connectionOpened();
          hour.pinged(ping);
          hour.received({ messages, bytes });
          hour.dropped({ messages, bytes });
          hour.queued(bytes);
          hour.rest({ failed: ping > 1_000, seconds: ping / 1_000 });
          hour.gap(ping);
          hour.connectionEnded(reason);
        }
        const text = JSON.stringify(hour.toJson());
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(1_500);
        expect(LastHour.fromJson(JSON.parse(text), clock.now).summary()).toEqual(hour.summary());
      }),
    );
  });
});
