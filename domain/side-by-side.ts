/**
 * Does the same work with each item, at most `atOnce` at a time; the first failure ends it, and what has not begun stays
 * undone.
 *
 * @returns the results, in the order of the items
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const left = items.entries();
  let isOver = false;
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) {
      results[index] = await work(item);
      if (isOver) return;
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  } finally {
    isOver = true;
  }
  return results;
}
