import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { defaultKeepBytes } from '../../../../activities/sensor/recording/disk-room.ts';
import { filesIn, numbered, numbersIn, openLab, upTo } from './recording-lab.ts';

const KEEP_BYTES = 400_000;

describe('the segments of a sensor', () => {
  it('take no more than they may: the oldest are deleted, and nothing of another sensor', async () => {
    await using lab = await openLab({ recording: { keepBytes: KEEP_BYTES, rotateBytes: 60_000 } });
    const others = ['pier-33_output_2000.mcap', 'pier-3_points_2000.mcap', 'pier_output_2000.mcap'];
    for (const name of others) await writeFile(join(lab.folder, name), Buffer.alloc(KEEP_BYTES));
    for (const id of upTo(100)) {
      lab.consumer.offer(numbered(id, 10_000));
      await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    }
    await lab.consumer.finish();
    const files = await filesIn(lab.folder);
    const own = files.filter((file) => file.includes('pier-3_output_'));
    const sizes = await Promise.all(own.map(async (file) => (await stat(file)).size));
    expect(files).toEqual(expect.arrayContaining(others.map((name) => join(lab.folder, name))));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(KEEP_BYTES);
    const numbers = await numbersIn(own);
    expect(numbers).toEqual(upTo(100).slice(-numbers.length));
    expect(numbers.length).toBeGreaterThan(20);
    expect(lab.log).toContain('info: old segment deleted');
  });

  it('stay below the cap also when one alone could be larger', async () => {
    await using lab = await openLab({ recording: { keepBytes: KEEP_BYTES } });
    for (const id of upTo(100)) {
      lab.consumer.offer(numbered(id, 10_000));
      await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    }
    await lab.consumer.finish();
    const own = await filesIn(lab.folder);
    const sizes = await Promise.all(own.map(async (file) => (await stat(file)).size));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(KEEP_BYTES);
    expect((await numbersIn(own)).at(-1)).toBe(99);
  });
});

describe('defaultKeepBytes', () => {
  it.each([
    [1e12, 1e10],
    [5e9, 5e8],
    [0, 0],
  ])('of %d free bytes are %d', (freeBytes, expected) => {
    expect(defaultKeepBytes({ freeBytes, reserveBytes: 0 })).toBe(expected);
  });
});
