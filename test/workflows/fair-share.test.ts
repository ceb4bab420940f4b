import { expect, test } from 'vitest';
import { Gate } from './gate.ts';
import { migrationLab, type MigrationLab } from './migration-lab.ts';

const [FIRST, LATE] = ['IMO9976903', 'IMO9976915'];

/** `TASK_QUEUE_TYPE_ACTIVITY` of Temporal's API. */
const ACTIVITY_QUEUE = 2;

test('a ship that comes late takes turns with one that has filled the queue', async () => {
  await using lab = await migrationLab({ chunkSlots: 1 });
  const gate = new Gate();
  const order: string[] = [];
  lab.ledger.onCopy = async ({ ship }, { signal }) => {
    order.push(ship);
    await gate.pass(signal);
  };
  const timing = { chunkTimeoutMs: 60_000, heartbeatTimeoutMs: 60_000 };
  const first = await lab.start({ ship: FIRST, window: 12, timing });
  await gate.reachedBy(1);
  await expect.poll(() => countWaiting(lab), { timeout: 15_000 }).toBeGreaterThanOrEqual(11);
  const late = await lab.start({ ship: LATE, window: 12, timing });
  await expect.poll(() => countWaiting(lab), { timeout: 15_000 }).toBeGreaterThanOrEqual(23);
  gate.open();
  await Promise.all([first.result(), late.result()]);
  // First in, first out, it would be none: eleven chunks lie before its own.
  const itsShare = order.slice(1, 12).filter((ship) => ship === LATE);
  expect(itsShare.length, order.join(' ')).toBeGreaterThanOrEqual(3);
});

/** In the queue of chunks, as the server reckons: it may be one or two more, and a few seconds old. */
async function countWaiting({ client, names }: MigrationLab): Promise<number> {
  const { stats } = await client.workflowService.describeTaskQueue({
    namespace: 'default',
    taskQueue: { name: names.chunkTaskQueue },
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- the enum's package is none of ours
    taskQueueType: ACTIVITY_QUEUE,
    reportStats: true,
  });
  return Number(stats?.approximateBacklogCount);
}
