import { expect, test } from 'vitest';
import { sessionDetails } from '../../domain/session-details.ts';
import type { SessionView } from '../../domain/sensor-session.ts';

const view: SessionView = {
  sensor: 'pier-3',
  state: 'connected',
  since: '2026-11-25T07:00:00.700Z',
  startedAt: '2026-11-25T06:00:00.000Z',
  connectedSince: '2026-11-25T07:00:00.100Z',
  reconnects: 2,
  lastGap: { from: '2026-11-25T06:57:16.000Z', to: '2026-11-25T07:00:00.600Z' },
  worker: '7@pier',
  stopping: false,
};
const { connectedSince: _none, ...unconnected } = view;
/** As a person reads it. */
const details = (of: SessionView) => sessionDetails(of).replaceAll('\u00A0', ' ');

test('says since when it is connected, how often it was lost, the last gap, and where the figures are', () => {
  const text = details(view);
  expect(text).toMatch(/^\*\*connected\*\*: /);
  expect(text).toMatch(/connected since +\| 2026-11-25 07:00:00 UTC/);
  expect(text).toMatch(/reconnects +\| 2 \|/);
  expect(text).toMatch(/last gap +\| 2m 45s, until 2026-11-25 07:00:00 UTC/);
  expect(text).toMatch(/messages\/s, file +\| every second in _Pending Activities_/);
});

test('says what a failure that the UI still shows beside a connection is', () => {
  expect(details(view)).toContain('a _Last Failure_ there is of an earlier attempt');
});

test('says why it waits, and where the latest attempt and the next one are', () => {
  const text = details({ ...unconnected, state: 'waiting', reason: 'ended without a close frame' });
  expect(text).toMatch(/^\*\*waiting\*\* since 2026-11-25 07:00:00 UTC: there is no connection/);
  expect(text).toContain('**Why it began to wait:** ended without a close frame');
  expect(text).toContain('_Next Retry_');
  expect(text).not.toContain('messages/s');
});

test('says what to do where a person can do something', () => {
  expect(details({ ...view, state: 'silent' })).toContain(
    '`fairlead sensr health --sensor pier-3`',
  );
  const hint = 'write [[sensors]] into fairlead.toml';
  expect(details({ ...unconnected, state: 'waiting', hint })).toContain(`**What to do:** ${hint}`);
  expect(details({ ...unconnected, state: 'stopped' })).toContain('`fairlead sensor start pier-3`');
});

test('says that nothing is recorded, also while messages come', () => {
  const text = details({ ...view, recordingStopped: 'the disk is full' });
  expect(text).toContain('**Nothing is being recorded:** the disk is full');
});
