import { expect, test } from 'vitest';
import {
  faultsOfRecording,
  judgeRecording,
  type RecordingEvidence,
} from '../../bench/soak/judge-recording.ts';

/** Two connections of ten frames each, ten a second, and 1.2 s without one between them. */
const FRAMES = Array.from({ length: 20 }, (_, index) => ({
  key: `frame ${index}`,
  connection: index < 10 ? 1 : 2,
  atMs: index * 100 + (index < 10 ? 0 : 1_100),
}));

const whole: RecordingEvidence = {
  sent: FRAMES,
  connections: [
    { id: 1, openedAtMs: 0, endedAtMs: 950 },
    { id: 2, openedAtMs: 2_050 },
  ],
  killsAtMs: [],
  recorded: FRAMES.map(({ key, atMs }) => ({ key, atMs: atMs + 1 })),
  gaps: [{ fromMs: 901, toMs: 2_101 }],
};

const without = (...indexes: number[]): RecordingEvidence => ({
  ...whole,
  recorded: whole.recorded.filter((_, index) => !indexes.includes(index)),
});

const faults = (evidence: RecordingEvidence) => faultsOfRecording(judgeRecording(evidence));

test('finds nothing wrong with a recording that has each frame once, and each gap', () => {
  expect(faults(whole)).toEqual([]);
  expect(judgeRecording(whole)).toMatchObject({ sent: 20, recorded: 20, inFlight: 0, holes: 1 });
});

test('tells a frame in flight at the end of a connection from a lost one', () => {
  const inFlight = without(8, 9);
  expect(judgeRecording(inFlight)).toMatchObject({ inFlight: 2, longestInFlightMs: 150, lost: [] });
  expect(faults(without(7))).toEqual([]);
  expect(faults(without(6, 7, 8, 9))[0]).toContain('1 delivered messages are not in the recording');
  expect(faults(without(3))[0]).toContain('frame 3');
});

test('takes the kill of a process as the end of its connection', () => {
  const killed = { ...without(5, 6, 7, 8, 9), killsAtMs: [710] };
  expect(faults({ ...killed, gaps: [{ fromMs: 401, toMs: 2_101 }] })).toEqual([]);
  expect(faults({ ...without(4, 5, 6, 7, 8, 9), killsAtMs: [710] })[0]).toContain('frame 4');
});

test('finds what is lost from a connection that still lives', () => {
  expect(faults(without(19))[0]).toContain('frame 19');
});

test('finds doubles, foreign frames and disorder', () => {
  const { recorded } = whole;
  expect(faults({ ...whole, recorded: [...recorded, recorded[19]!] })[0]).toContain('twice');
  const foreign = { key: 'never sent', atMs: 3_001 };
  expect(faults({ ...whole, recorded: [...recorded, foreign] })[0]).toContain('never sent');
  const swapped = recorded.with(4, recorded[5]!).with(5, recorded[4]!);
  expect(faults({ ...whole, recorded: swapped })[0]).toContain('out of order');
});

test('tells frames of the same bytes apart by their number', () => {
  const same = (list: typeof FRAMES) => list.map((frame) => ({ ...frame, key: 'same' }));
  const evidence = {
    ...whole,
    sent: same(FRAMES),
    recorded: whole.recorded.map(({ atMs }) => ({ key: 'same', atMs })),
  };
  expect(faults(evidence)).toEqual([]);
  const doubled = { ...evidence, recorded: [...evidence.recorded, { key: 'same', atMs: 3_001 }] };
  expect(faults(doubled)[0]).toContain('twice');
});

test('wants one gap record for each hole, and no other', () => {
  expect(faults({ ...whole, gaps: [] })[0]).toContain('holes between connections');
  const [gap] = whole.gaps;
  expect(faults({ ...whole, gaps: [gap!, gap!] })[0]).toContain('no hole');
  expect(faults({ ...whole, gaps: [{ fromMs: 901, toMs: 3_101 }] })).toHaveLength(2);
});

test('lets a gap begin a heartbeat early, and never late', () => {
  expect(faults({ ...whole, gaps: [{ fromMs: -900, toMs: 2_101 }] })).toEqual([]);
  expect(faults({ ...whole, gaps: [{ fromMs: 1_401, toMs: 2_101 }] })).toHaveLength(2);
});

test('takes the wait for the first message of all as no hole', () => {
  expect(faults({ ...whole, gaps: [{ fromMs: -5_000, toMs: 1 }, ...whole.gaps] })).toEqual([]);
});

test('does not take an empty recording for a good one', () => {
  expect(faults({ ...whole, sent: [], recorded: [], gaps: [] })).toEqual(['nothing was recorded']);
});
