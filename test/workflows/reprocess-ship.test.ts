import type { WorkflowHandleWithFirstExecutionRunId } from '@temporalio/client';
import { expect, test } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
import type { InstantRange } from '../../domain/migration.ts';
import { cancel, pause, progress, resume } from '../../workflows/messages.ts';
import type { reprocessShip } from '../../workflows/reprocess-ship.ts';
import { Gate } from './gate.ts';
import { migrationLab, progressWhere, startReprocess, twentyFourHours } from './migration-lab.ts';

type Handle = WorkflowHandleWithFirstExecutionRunId<typeof reprocessShip>;

const at = (text: string) => `2025-06-15T${text}Z`;
const range = (from: string, to: string): InstantRange => ({ from: at(from), to: at(to) });
const hoursApart = (count: number): InstantRange[] =>
  Array.from({ length: count }, (_, hour) => ({
    from: new Date(Date.UTC(2025, 5, 15, 2 * hour, 30)).toISOString(),
    to: new Date(Date.UTC(2025, 5, 15, 2 * hour, 40)).toISOString(),
  }));

test('copies what is open of its ranges, in chunks of the grid, and nothing between', async () => {
  await using lab = await migrationLab();
  await lab.ledger.copyChunk(
    {
      ...range('16:00:00.000', '18:00:00.000'),
      ship: '',
      installation: '',
      startedAt: '',
      redo: false,
    },
    { signal: new AbortController().signal, heartbeat: () => {} },
  );
  lab.ledger.attempts.splice(0);
  const ranges = [
    range('01:00:00.000', '01:10:00.000'),
    range('14:40:40.388958', '20:40:40.388958'),
  ];
  const handle: Handle = await startReprocess(lab, ranges, { window: 1 });
  const report = await handle.result();
  expect(lab.ledger.attempts).toEqual([
    at('01:00:00.000'),
    at('14:40:40.388958'),
    at('18:00:00.000'),
    at('20:00:00.000'),
  ]);
  expect(report).toMatchObject({
    phase: 'finished',
    from: at('01:00:00.000'),
    to: at('20:40:40.388958'),
    chunks: { total: 4, done: 4, failed: 0 },
    cells: { read: 4_000 },
    verified: true,
  });
  expect(await handle.query(progress)).toMatchObject({ phase: 'finished', percent: 100 });
});

test('has nothing to do where all is proven', async () => {
  await using lab = await migrationLab();
  await (await lab.start()).result();
  const handle: Handle = await startReprocess(lab, [range('01:00:00', '05:00:00')]);
  expect(await handle.result()).toMatchObject({ chunks: { total: 0, done: 0 }, verified: true });
});

test('settles what fails, and goes on with the others', async () => {
  await using lab = await migrationLab();
  lab.ledger.onCopy = async ({ from }) => {
    if (from.includes('T06')) throw new FairleadError('proof-failed', 'a row is missing');
  };
  const handle: Handle = await startReprocess(lab, hoursApart(6));
  expect(await handle.result()).toMatchObject({
    chunks: { total: 6, done: 5, failed: 1 },
    verified: false,
  });
});

test('fills a hole that shows while it runs', async () => {
  await using lab = await migrationLab();
  let isLost = false;
  lab.ledger.onCopy = async ({ from }) => {
    if (from.includes('T08') && !isLost) {
      isLost = true;
      lab.ledger.forget(at('00:30:00.000'));
    }
  };
  const handle: Handle = await startReprocess(lab, hoursApart(6));
  expect(await handle.result()).toMatchObject({ chunks: { total: 7, done: 7 } });
  expect(lab.ledger.attempts.filter((from) => from.includes('T00'))).toHaveLength(2);
});

test('goes on in new runs, and does every chunk once', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  const handle: Handle = await startReprocess(lab, hoursApart(60));
  const report = await handle.result();
  expect(report).toMatchObject({ chunks: { total: 60, done: 60 }, cells: { read: 60_000 } });
  expect(new Set(lab.ledger.attempts).size).toBe(60);
  expect(lab.ledger.attempts).toHaveLength(60);
  const latest = lab.client.workflow.getHandle(handle.workflowId);
  expect((await latest.describe()).runId).not.toBe(handle.firstExecutionRunId);
});

test('is paused, resumed and cancelled as a migration is', async () => {
  await using lab = await migrationLab();
  const gate = new Gate();
  lab.ledger.onCopy = (_, { signal }) => gate.pass(signal);
  const handle: Handle = await startReprocess(lab, hoursApart(6), {
    timing: { heartbeatTimeoutMs: 500 },
  });
  await gate.reachedBy(2);
  await handle.executeUpdate(pause);
  await progressWhere(handle, ({ phase }) => phase === 'paused');
  await handle.executeUpdate(resume);
  const now = await progressWhere(handle, ({ phase }) => phase === 'copying');
  expect(now).toMatchObject({ percent: 0, chunks: { total: 6, inFlight: 2 } });
  await handle.executeUpdate(cancel);
  await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
  expect((await handle.describe()).status.name).toBe('CANCELLED');
  expect(lab.ledger.rows).toEqual([]);
});

test('plans channels and tables as for all of the ship', async () => {
  await using lab = await migrationLab();
  const planShip = lab.ledger.planShip.bind(lab.ledger);
  let asked: unknown;
  lab.ledger.planShip = (request) => {
    asked = request;
    return planShip(request);
  };
  const handle: Handle = await startReprocess(lab, hoursApart(1));
  await handle.result();
  expect(asked).toEqual({
    ship: twentyFourHours.ship,
    to: expect.stringMatching(/Z$/),
    widthMs: 7_200_000,
    redo: false,
  });
});
