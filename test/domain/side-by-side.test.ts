import { describe, expect, it } from 'vitest';
import { sideBySide } from '../../domain/side-by-side.ts';

const items = Array.from({ length: 10 }, (_, index) => index);

/** Work that counts how much of it is under way, and ends when it is told to. */
function gatedWork() {
  const waiting: (() => void)[] = [];
  const work = async (item: number): Promise<number> => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return item * 2;
  };
  return { waiting, work, endLast: () => waiting.pop()?.() };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('work side by side', () => {
  it('has no more items under way than it was told, and keeps their order whichever ends first', async () => {
    const { waiting, work, endLast } = gatedWork();
    const results = sideBySide(items, 3, work);
    for (let ended = 0; ended < items.length; ended++) {
      expect(waiting).toHaveLength(Math.min(3, items.length - ended));
      endLast();
      await turn();
    }
    expect(await results).toEqual(items.map((item) => item * 2));
  });

  it('begins nothing more after a failure', async () => {
    const begun: number[] = [];
    const work = async (item: number): Promise<void> => {
      begun.push(item);
      await turn();
      if (item === 1) throw new Error('item 1');
    };
    await expect(sideBySide(items, 2, work)).rejects.toThrow('item 1');
    await turn();
    await turn();
    expect(begun.length).toBeLessThan(5);
  });

  it('is done at once without items', async () => {
    expect(await sideBySide([], 3, () => Promise.reject(new Error('nothing to do')))).toEqual([]);
  });
});
