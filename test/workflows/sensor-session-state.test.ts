import { expect, test } from 'vitest';
import type { SessionView } from '../../domain/sensor-session.ts';
import { SessionState } from '../../workflows/sensor-session-state.ts';

const told = {
  state: 'connected',
  connections: 1,
  at: '2026-11-25T07:00:00.700Z',
  worker: '7@pier',
  connectedSince: '2026-11-25T07:00:00.100Z',
} as const;

test('knows in its next run, which is told of no change, since when it is connected', () => {
  const before = new SessionState({ sensor: 'pier-3' }, () => {});
  before.changed({ ...told, recordingStopped: 'the disk is full' });
  const shown: SessionView[] = [];
  const after = new SessionState(before.continuation(), (view) => shown.push(view));
  after.begin();
  expect(shown).toEqual([before.view()]);
  expect(after.nextHold()).toEqual(before.nextHold());
  expect(after.holdTitle).toBe('pier-3: its connection goes on');
});

test('says on the timeline what each run of the activity follows', () => {
  const session = new SessionState({ sensor: 'pier-3' }, () => {});
  expect(session.holdTitle).toBe('pier-3: first connection');
  session.changed(told);
  session.closed();
  expect(session.holdTitle).toBe('pier-3: again, after: closed by a person');
});

test("keeps a server's words within what Temporal documents for a summary", () => {
  const session = new SessionState({ sensor: 'pier-3' }, () => {});
  for (const words of ['\u0001'.repeat(123), '漢'.repeat(500)]) {
    session.changed({ ...told, state: 'waiting', reason: words });
    expect(Buffer.byteLength(JSON.stringify(session.holdTitle))).toBeLessThan(350);
  }
});
