import { expect, test } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
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
