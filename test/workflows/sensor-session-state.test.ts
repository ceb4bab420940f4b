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
});
