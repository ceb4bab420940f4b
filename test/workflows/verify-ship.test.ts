import { expect, test } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
import { noDifference } from '../../domain/verification.ts';
import { verifyProgress } from '../../workflows/messages.ts';
import type { verifyShip } from '../../workflows/verify-ship.ts';
import { migrationLab, twentyFourHours, type MigrationLab } from './migration-lab.ts';

const verify = (lab: MigrationLab, to: string) => {
  const { ship, from, widthMs } = twentyFourHours;
  const { timing } = lab.input();
  return lab.client.workflow.start<typeof verifyShip>('verifyShip', {
    args: [{ ship, from, to, widthMs, window: 2, ...(timing && { timing }) }],
    taskQueue: lab.names.taskQueue,
    workflowId: lab.names.verifyShip(ship),
    workflowExecutionTimeout: '1 minute',
  });
};

test('sums over all batches, and shows the first twenty differences', async () => {
  await using lab = await migrationLab();
  const handle = await verify(lab, '2025-07-15T06:00:00.000Z');
  const report = await handle.result();
  expect(report.cells).toMatchObject({ source: 310, matched: 279, missing: 31, extra: 0 });
  expect(report.differences).toHaveLength(20);
  expect(await handle.query(verifyProgress)).toMatchObject({ phase: 'finished', percent: 100 });
});

test('names the first differences of all batches, and all that differ as one range', async () => {
  await using lab = await migrationLab();
  const verifyBatch = lab.ledger.verifyBatch.bind(lab.ledger);
  lab.ledger.verifyBatch = async (input) => {
    if (input.from.includes('-15T')) await new Promise((resolve) => setTimeout(resolve, 300));
    return verifyBatch(input);
  };
  const report = await (await verify(lab, '2025-07-15T06:00:00.000Z')).result();
  const days = Array.from({ length: 20 }, (_, day) => Date.UTC(2025, 5, 15 + day));
  expect(report.differences.map(({ at }) => Date.parse(at))).toEqual(days);
  expect(report.differing).toEqual([
    { from: twentyFourHours.from, to: '2025-07-15T06:00:00.000Z' },
  ]);
});

test('compares only the ranges that it is told', async () => {
  await using lab = await migrationLab();
  const asked: string[] = [];
  const verifyBatch = lab.ledger.verifyBatch.bind(lab.ledger);
  lab.ledger.verifyBatch = async (input) => {
    asked.push(`${input.from.slice(5, 16)} ${input.to.slice(5, 16)}`);
    return verifyBatch(input);
  };
  const { ship, from, to, widthMs } = twentyFourHours;
  const ranges = [
    { from: '2025-06-15T02:00:00.000Z', to: '2025-06-15T04:00:00.000Z' },
    { from: '2025-06-15T20:00:00.000Z', to: '2025-06-16T02:00:00.000Z' },
  ];
  const handle = await lab.client.workflow.start<typeof verifyShip>('verifyShip', {
    args: [{ ship, from, to, ranges, widthMs, window: 1 }],
    taskQueue: lab.names.taskQueue,
    workflowId: lab.names.verifyShip(ship),
    workflowExecutionTimeout: '1 minute',
  });
  expect((await handle.result()).cells).toMatchObject({ source: 30 });
  expect(asked).toEqual([
    '06-15T02:00 06-15T04:00',
    '06-15T20:00 06-16T00:00',
    '06-16T00:00 06-16T02:00',
  ]);
  expect(await handle.query(verifyProgress)).toMatchObject({ percent: 100 });
});

test('jumps over years in which there is nothing', async () => {
  await using lab = await migrationLab();
  const asked: string[] = [];
  const verifyBatch = lab.ledger.verifyBatch.bind(lab.ledger);
  const filled = ['2025-06-15', '2031-03-02'];
  lab.ledger.verifyBatch = async (input) => {
    asked.push(input.from.slice(0, 10));
    if (filled.some((day) => input.from.startsWith(day))) return verifyBatch(input);
    const { from, to } = input;
    const next = filled.find((day) => day >= to.slice(0, 10)) ?? '2255-01-01';
    return { from, to, ...noDifference(), silentUntil: `${next}T00:00:00.000Z` };
  };
  const handle = await verify(lab, '2035-01-01T00:00:00.000Z');
  expect((await handle.result()).cells).toMatchObject({ source: 20 });
  expect(asked).toEqual(expect.arrayContaining(filled));
  expect(asked.length).toBeLessThanOrEqual(8);
  expect(await handle.query(verifyProgress)).toMatchObject({ phase: 'finished', percent: 100 });
});

test('goes on in new runs, and compares every batch once', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  const handle = await verify(lab, '2025-07-15T00:00:00.000Z');
  const { cells } = await handle.result();
  expect(cells).toMatchObject({ source: 300, matched: 270, missing: 30 });
});

test('ends with the error that nobody can wait for', async () => {
  await using lab = await migrationLab();
  lab.ledger.verifyBatch = async () => {
    throw new FairleadError('data-refused', 'the wide table has no column "x"');
  };
  const handle = await verify(lab, twentyFourHours.to);
  await expect(handle.result()).rejects.toMatchObject({
    cause: { cause: { message: 'the wide table has no column "x"' } },
  });
});
