import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { expect, test } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
import type { InstantRange } from '../../domain/migration.ts';
import { parseInstant } from '../../domain/time.ts';
import { cancel, pause, progress, resume, setWindow } from '../../workflows/messages.ts';
import { Gate } from './gate.ts';
import { migrationLab, progressWhere, twentyFourHours } from './migration-lab.ts';

const at = (hour: number): string => `2025-06-15T${String(hour).padStart(2, '0')}:00:00.000Z`;

test('copies every chunk of the range once, oldest first', async () => {
  await using lab = await migrationLab();
  const handle = await lab.start({ window: 1 });
  const report = await handle.result();
  expect(report).toMatchObject({ phase: 'finished', chunks: { total: 12, done: 12, failed: 0 } });
  expect(lab.ledger.attempts).toEqual(Array.from({ length: 12 }, (_, index) => at(index * 2)));
});

test('tells in the end what the whole ledger tells', async () => {
  await using lab = await migrationLab();
  const handle = await lab.start();
  await handle.result();
  const { status, typedSearchAttributes, memo } = await handle.describe();
  const attributes = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  expect(status.name).toBe('COMPLETED');
  expect(Object.fromEntries(attributes)).toMatchObject({
    ShipId: 'IMO9976903',
    MigrationPhase: 'finished',
    PercentDone: 100,
    MigratedThrough: new Date(twentyFourHours.to),
    FailedChunks: 0,
  });
  expect(memo).toMatchObject({ requested: { widthMs: 7_200_000 }, resolved: { from: at(0) } });
});

test('keeps as many chunks in flight as the window has room for', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const handle = await lab.start({ window: 3 });
  await gate.reachedBy(3);
  const { inFlight } = await progressWhere(handle, ({ chunks }) => chunks.inFlight === 3);
  gate.open();
  await handle.result();
  expect(inFlight.map(({ from }) => from)).toEqual([at(0), at(2), at(4)]);
  expect(lab.ledger.mostInFlight).toBe(3);
});

test('opens the window wider while it runs', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const handle = await lab.start({ window: 1 });
  await gate.reachedBy(1);
  await handle.executeUpdate(setWindow, { args: [4] });
  await gate.reachedBy(4);
  gate.open();
  await handle.result();
  expect(lab.ledger.mostInFlight).toBe(4);
});

test.each([0, -1, 1.5, 65])('refuses a window of %d', async (chunksInFlight) => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const handle = await lab.start();
  await expect(handle.executeUpdate(setWindow, { args: [chunksInFlight] })).rejects.toThrow(
    WorkflowUpdateFailedError,
  );
  gate.open();
  await handle.result();
});

test('starts no chunk while paused, and goes on after', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const handle = await lab.start({ window: 2 });
  await gate.reachedBy(2);
  await handle.executeUpdate(pause);
  gate.open();
  const paused = await progressWhere(handle, ({ chunks }) => chunks.inFlight === 0);
  expect(paused).toMatchObject({ phase: 'paused', chunks: { done: 2 } });
  expect(gate.arrivedCount).toBe(2);
  await handle.executeUpdate(resume);
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12 } });
});

test.each(['the update', 'the UI'])('rolls back what is in flight when %s cancels', async (who) => {
  await using lab = await migrationLab();
  const gate = new Gate();
  const rolledBack: string[] = [];
  lab.ledger.onCopy = async ({ from }, run) => {
    const timer = setInterval(
      () => run.heartbeat({ stage: 'read', cells: 1, bytes: 1, silentSeconds: 0 }),
      50,
    );
    await gate
      .pass(run.signal)
      .catch((error: unknown) => {
        rolledBack.push(from);
        throw error;
      })
      .finally(() => clearInterval(timer));
  };
  const handle = await lab.start();
  await gate.reachedBy(2);
  await (who === 'the UI' ? handle.cancel() : handle.executeUpdate(cancel));
  const error = await handle.result().catch((thrown: unknown) => thrown);
  expect((error as WorkflowFailedError).cause).toBeInstanceOf(CancelledFailure);
  expect((await handle.describe()).status.name).toBe('CANCELLED');
  expect((await handle.query(progress)).phase).toBe('cancelled');
  expect(rolledBack.toSorted()).toEqual([at(0), at(2)]);
  expect(lab.ledger.rows).toEqual([]);
});

test('a second start joins the first', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const first = await lab.start();
  const second = await lab.start({ widthMs: 3_600_000 });
  expect(second.firstExecutionRunId).toBe(first.firstExecutionRunId);
  gate.open();
  await expect(second.result()).resolves.toMatchObject({ chunks: { done: 12 } });
});

test('a chunk that fails for good does not stop the others', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from }) => {
    if (from === at(4)) throw new FairleadError('proof-failed', '479 rows, expected 480');
  };
  const handle = await lab.start();
  const report = await handle.result();
  expect(report.chunks).toMatchObject({ done: 11, failed: 1 });
  expect((await handle.query(progress)).chunks).toMatchObject({ total: 12, done: 11, failed: 1 });
  expect(lab.ledger.attempts.filter((from) => from === at(4))).toHaveLength(1);
});

test('an error that nobody foresaw fails its chunk only', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from }) => {
    if (from === at(4)) throw new TypeError('undefined is not a function');
  };
  const handle = await lab.start();
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 11, failed: 1 } });
});

const widthOf = ({ from, to }: InstantRange) => (Date.parse(to) - Date.parse(from)) / 60_000;

test('splits a chunk that ran into statement_timeout, again and again', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async (chunk) => {
    if (widthOf(chunk) > 30) throw new FairleadError('statement-timeout', 'after 1200 s');
  };
  const handle = await lab.start({ window: 1, to: at(2) });
  const { chunks } = await handle.result();
  expect(chunks).toMatchObject({ done: 4, split: 2, failed: 0 });
  expect((await handle.query(progress)).chunks).toMatchObject({ total: 4, done: 4, split: 2 });
  expect(lab.ledger.holes({ from: at(0), to: at(2) })).toEqual([]);
});

test('begins later chunks with the width that worked, and goes back to the planned one', async () => {
  await using lab = await migrationLab();
  const copied: number[] = [];
  lab.ledger.onCopy = async (chunk) => {
    const tooBig = chunk.from < at(2) && widthOf(chunk) > 30;
    if (tooBig) throw new FairleadError('statement-timeout', 'after 1200 s');
    copied.push(widthOf(chunk));
  };
  const handle = await lab.start({ window: 1 });
  const { chunks } = await handle.result();
  const times = (width: number, count: number) => Array.from({ length: count }, () => width);
  expect(copied).toEqual([...times(30, 8), ...times(60, 8), ...times(120, 6)]);
  expect(chunks).toMatchObject({ done: 22, split: 2, failed: 0 });
  const now = await handle.query(progress);
  expect(now).toMatchObject({ percent: 100, chunks: { total: 22, done: 22, split: 2 } });
  expect(now).not.toHaveProperty('startWidthMs');
  expect(lab.ledger.holes(twentyFourHours)).toEqual([]);
});

test('says with which width chunks begin, and a pause holds the parts of a chunk', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = async (chunk, { signal }) => {
    if (widthOf(chunk) > 60) throw new FairleadError('chunk-too-big', 'the buffer is full');
    await gate.pass(signal);
  };
  const handle = await lab.start({ window: 1 });
  await gate.reachedBy(1);
  expect(await handle.query(progress)).toMatchObject({
    widthMs: 7_200_000,
    startWidthMs: 3_600_000,
  });
  await handle.executeUpdate(pause);
  gate.open();
  await progressWhere(handle, ({ chunks }) => chunks.done === 1);
  expect(gate.arrivedCount).toBe(1);
  await handle.executeUpdate(resume);
  await expect(handle.result()).resolves.toMatchObject({ chunks: { failed: 0 } });
  expect(lab.ledger.holes(twentyFourHours)).toEqual([]);
});

test('a chunk at the floor that is still too big has failed', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from }) => {
    if (from < at(2)) throw new FairleadError('chunk-too-big', 'the buffer is full');
  };
  const handle = await lab.start({ widthMs: 7_200_000, to: at(4) });
  const { chunks } = await handle.result();
  expect(chunks.failed).toBeGreaterThan(60);
  expect(chunks.split).toBe(6);
  expect(lab.ledger.holes({ from: at(2), to: at(4) })).toEqual([]);
});

test('splits a chunk whose time runs out while bytes flow, at the first attempt', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from, to }, run) => {
    if (from !== at(0) || to !== at(2)) return;
    const beat = (): void => run.heartbeat({ stage: 'read', cells: 5, bytes: 5, silentSeconds: 0 });
    const timer = setInterval(beat, 50);
    beat();
    await new Gate().pass(run.signal).finally(() => clearInterval(timer));
  };
  const handle = await lab.start({ timing: { chunkTimeoutMs: 1_000 } });
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 13, split: 1 } });
  expect(lab.ledger.attempts.filter((from) => from === at(0))).toHaveLength(2);
});

test('neither splits nor fails a chunk whose last attempt committed when its time had run out', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from, to }, run) => {
    if (from !== at(0)) return;
    const beat = (): void => run.heartbeat({ stage: 'read', cells: 5, bytes: 5, silentSeconds: 0 });
    const timer = setInterval(beat, 50);
    beat();
    lab.ledger.rows.push({ fromUs: parseInstant(from), toUs: parseInstant(to), status: 'done' });
    await new Gate().pass(run.signal).finally(() => clearInterval(timer));
  };
  const handle = await lab.start({ timing: { chunkTimeoutMs: 1_000 } });
  await expect(handle.result()).resolves.toMatchObject({
    chunks: { done: 12, split: 0, failed: 0 },
  });
  expect(lab.ledger.attempts.filter((from) => from === at(0))).toHaveLength(1);
});

test('takes a worker without heartbeats for lost, and does not split', async () => {
  await using lab = await migrationLab();
  let attempts = 0;
  lab.ledger.onCopy = async ({ from }, { signal }) => {
    if (from === at(0) && ++attempts < 4) await new Gate().pass(signal);
  };
  const handle = await lab.start({ timing: { heartbeatTimeoutMs: 300 } });
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12, split: 0 } });
  expect(attempts).toBe(4);
});

test('waits in sight for a database that is away, while others go on', async () => {
  await using lab = await migrationLab();
  let isAway = true;
  lab.ledger.onCopy = async ({ from }) => {
    if (from === at(0) && isAway)
      throw new FairleadError('connection-lost', 'the source is away', { hint: 'start it' });
  };
  const handle = await lab.start();
  const waiting = await progressWhere(
    handle,
    ({ phase, chunks }) => phase === 'waiting' && chunks.done === 11,
  );
  expect(waiting.waiting[0]).toMatchObject({
    subject: '2025-06-15 00:00 → 02:00',
    reason: 'the source is away',
    hint: 'start it',
    kind: 'transient',
  });
  isAway = false;
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12, failed: 0 } });
});

test('waits for a person, and tries again at once when told to', async () => {
  await using lab = await migrationLab();
  let isFull = true;
  lab.ledger.onCopy = async () => {
    if (isFull) throw new FairleadError('disk-full', 'no disk left', { hint: 'make room' });
  };
  const handle = await lab.start();
  const { waiting } = await progressWhere(handle, (now) => now.waiting.length === 2);
  expect(waiting[0]).toMatchObject({ code: 'disk-full', kind: 'operator', hint: 'make room' });
  isFull = false;
  await handle.executeUpdate(resume);
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12 } });
  expect(lab.ledger.attempts).toHaveLength(14);
});

test('waits for a person before the first chunk, too', async () => {
  await using lab = await migrationLab();
  lab.ledger.onPlan = async () => {
    throw new FairleadError('permission-denied', 'no privilege', { hint: 'GRANT SELECT' });
  };
  const handle = await lab.start();
  const { waiting } = await progressWhere(handle, ({ phase }) => phase === 'waiting');
  expect(waiting[0]).toMatchObject({ subject: 'plan', hint: 'GRANT SELECT' });
  lab.ledger.onPlan = async () => undefined;
  await handle.executeUpdate(resume);
  await handle.result();
});

test('ends with the reason when the ship is unknown', async () => {
  await using lab = await migrationLab();
  lab.ledger.onPlan = async () => {
    throw new FairleadError('ship-unknown', 'IMO9976903 has no cells', { hint: 'IMO9976904?' });
  };
  const handle = await lab.start();
  await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
});

test('fills the holes that appear behind it', async () => {
  await using lab = await migrationLab();
  let isRestored = false;
  lab.ledger.onCopy = async ({ from }) => {
    if (from !== at(22) || isRestored) return;
    isRestored = true;
    lab.ledger.forget(at(4));
  };
  const handle = await lab.start({ window: 1 });
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12 } });
  expect(lab.ledger.attempts.filter((from) => from === at(4))).toHaveLength(2);
});
