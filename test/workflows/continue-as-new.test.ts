import { expect, test } from 'vitest';
import { FairleadError } from '../../domain/errors.ts';
import { pause, progress, resume } from '../../workflows/messages.ts';
import { migrationLab, progressWhere } from './migration-lab.ts';

test('goes on in new runs, and counts every chunk once', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  lab.ledger.batchSize = 4;
  const handle = await lab.start({ widthMs: 1_800_000 });
  const report = await handle.result();
  const last = lab.client.workflow.getHandle(lab.names.migrateShip('IMO9976903'));
  const description = await last.describe();
  expect(description.runId).not.toBe(handle.firstExecutionRunId);
  expect(report.chunks).toMatchObject({ done: 48, failed: 0 });
  expect(new Set(lab.ledger.attempts).size).toBe(48);
  expect(lab.ledger.attempts).toHaveLength(48);
  await expect(last.query(progress)).resolves.toMatchObject({
    percent: 100,
    chunks: { total: 48, done: 48 },
    cells: { read: 48_000 },
  });
  expect(description.memo).toHaveProperty('requested.widthMs', 1_800_000);
  expect(description.memo).toHaveProperty('resolved.widthMs', 1_800_000);
});

test('takes a waiting chunk and a pause along into the new run', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  let isAway = true;
  lab.ledger.onCopy = async ({ from }) => {
    if (isAway && from.includes('T00')) throw new FairleadError('connection-lost', 'away');
  };
  const handle = await lab.start();
  await progressWhere(handle, ({ phase, chunks }) => phase === 'waiting' && chunks.done > 1);
  await handle.executeUpdate(pause);
  const latest = lab.client.workflow.getHandle(lab.names.migrateShip('IMO9976903'));
  const runIdOf = async (): Promise<string> => (await latest.describe()).runId;
  while ((await runIdOf()) === handle.firstExecutionRunId)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await progressWhere(latest, ({ phase }) => phase === 'paused');
  isAway = false;
  await latest.executeUpdate(resume);
  await expect(handle.result()).resolves.toMatchObject({ chunks: { done: 12, failed: 0 } });
  expect(lab.ledger.attempts.filter((from) => from.includes('T02'))).toHaveLength(1);
});

test('a new run goes on with the width that worked', async () => {
  await using lab = await migrationLab({ shortHistory: true });
  const widths: number[] = [];
  lab.ledger.onCopy = async ({ from, to }) => {
    const minutes = (Date.parse(to) - Date.parse(from)) / 60_000;
    widths.push(minutes);
    if (minutes > 30) throw new FairleadError('chunk-too-big', 'the buffer is full');
  };
  const handle = await lab.start({ window: 1, to: '2025-06-15T08:00:00.000Z' });
  const report = await handle.result();
  expect(report.chunks).toMatchObject({ failed: 0, done: 16 });
  expect(widths.filter((minutes) => minutes === 120)).toHaveLength(1);
  // The first chunk's half, and one more after eight chunks.
  expect(widths.filter((minutes) => minutes === 60)).toHaveLength(2);
  const last = lab.client.workflow.getHandle(lab.names.migrateShip('IMO9976903'));
  expect((await last.describe()).runId).not.toBe(handle.firstExecutionRunId);
  await expect(last.query(progress)).resolves.toMatchObject({ chunks: { total: 16, done: 16 } });
});
