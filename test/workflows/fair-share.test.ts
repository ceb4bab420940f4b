import { expect, test } from 'vitest';
import { Gate } from './gate.ts';
import { migrationLab } from './migration-lab.ts';

const [FIRST, LATE] = ['IMO9976903', 'IMO9976915'];

test('a ship that comes late takes turns with one that has filled the queue', async () => {
  await using lab = await migrationLab({ chunkSlots: 1 });
  const gate = new Gate();
  const order: string[] = [];
  lab.ledger.onCopy = async ({ ship }, { signal }) => {
    order.push(ship);
    await gate.pass(signal);
  };
  const timing = { chunkTimeoutMs: 60_000 };
  const first = await lab.start({ ship: FIRST, window: 12, timing });
  const pendingOf = async (handle: typeof first) =>
    (await handle.describe()).raw.pendingActivities?.length;
  await expect.poll(() => pendingOf(first)).toBe(12);
  await gate.reachedBy(1);
  const late = await lab.start({ ship: LATE, window: 12, timing });
  await expect.poll(() => pendingOf(late)).toBe(12);
  gate.open();
  await Promise.all([first.result(), late.result()]);
  // First in, first out, it would be none: eleven chunks lie before its own.
  const itsShare = order.slice(1, 12).filter((ship) => ship === LATE);
  expect(itsShare.length, order.join(' ')).toBeGreaterThanOrEqual(3);
});
