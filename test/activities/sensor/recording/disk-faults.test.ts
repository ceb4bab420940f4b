import { rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { readRecordingInfo } from '../../../../activities/sensor/recording/recording-info.ts';
import { filesIn, numbered, numbersIn, openLab, upTo } from './recording-lab.ts';
import { freezableDisk, smallDisk, whyNoDisks } from './small-disk.ts';

const missing = await whyNoDisks();
if (missing) console.warn(`skipped: tests with disks of their own need root on Linux (${missing})`);
const MB = 1_000_000;
const PATIENCE = { timeout: 20_000 };

async function fill(folder: string, leaveBytes: number): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  const ballast = join(folder, 'ballast');
  await writeFile(ballast, Buffer.alloc(bavail * bsize - leaveBytes, 1));
  return ballast;
}

describe.skipIf(missing)('a full disk', () => {
  it('stops the recording with one message, and lets it go on when there is room', async () => {
    await using disk = await smallDisk(20);
    await using lab = await openLab({ recording: { folder: disk.path } });
    const ballast = await fill(disk.path, 3 * MB);
    for (const id of upTo(40)) {
      lab.consumer.offer(numbered(id, 100_000));
      await sleep(5);
    }
    await vi.waitFor(
      () => expect(lab.consumer.status.recordingStopped).toMatch(/are free/),
      PATIENCE,
    );
    await sleep(2_500); // two more attempts
    expect(lab.log.filter((line) => line.startsWith('error'))).toEqual([
      'error: recording stopped',
    ]);
    await rm(ballast);
    await vi.waitFor(() => expect(lab.told).toContain('resumed'), PATIENCE);
    expect(lab.consumer.status.recordingStopped).toBeUndefined();
    lab.consumer.offer(numbered(40));
    await lab.consumer.finish();
    const files = await filesIn(disk.path);
    expect(await numbersIn(files)).toEqual(upTo(41));
    const info = await readRecordingInfo(files[0]!);
    expect(info).toMatchObject({
      state: 'complete',
      stops: [{ reason: expect.stringMatching(/are free/) }],
    });
    expect(Date.parse(info.stops[0]!.to!)).toBeGreaterThan(Date.parse(info.stops[0]!.from));
  });

  it('that takes only half a message leaves the file as it was before', async () => {
    await using disk = await smallDisk(20);
    await using lab = await openLab({ recording: { folder: disk.path } });
    lab.consumer.offer(numbered(0, 100_000));
    await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    // More than the reserve is free, but not so much as this takes.
    const ballast = await fill(disk.path, 2 * MB);
    lab.consumer.offer(numbered(1, 4 * MB));
    await vi.waitFor(() => expect(lab.consumer.status.recordingStopped).toMatch(/full/), PATIENCE);
    const info = await readRecordingInfo(lab.consumer.status.file!);
    expect(info).toMatchObject({ messages: 1, unfinishedBytes: 0, state: 'being-written' });
    await rm(ballast);
    await vi.waitFor(() => expect(lab.told).toContain('resumed'), PATIENCE);
    await lab.consumer.finish();
    expect(await numbersIn(await filesIn(disk.path))).toEqual([0, 1]);
  });

  it('costs the oldest messages where it lasts too long, and the count is in the recording', async () => {
    await using disk = await smallDisk(20);
    await using lab = await openLab({ recording: { folder: disk.path }, maxQueuedBytes: MB });
    const ballast = await fill(disk.path, 0);
    for (const id of upTo(30)) lab.consumer.offer(numbered(id, 100_000));
    await vi.waitFor(() => expect(lab.consumer.status.recordingStopped).toBeDefined(), PATIENCE);
    for (const id of upTo(30)) lab.consumer.offer(numbered(30 + id, 100_000));
    const { messages } = lab.consumer.status.dropped;
    await rm(ballast);
    await vi.waitFor(() => expect(lab.told).toContain('resumed'), PATIENCE);
    await lab.consumer.finish();
    const files = await filesIn(disk.path);
    expect(await numbersIn(files)).toEqual(upTo(60).slice(messages));
    expect(await readRecordingInfo(files[0]!)).toMatchObject({ dropped: { messages } });
  });

  it('that stays full does not hold up the end', async () => {
    await using disk = await smallDisk(20);
    await using lab = await openLab({ recording: { folder: disk.path } });
    lab.consumer.offer(numbered(0));
    await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    const ballast = await fill(disk.path, 0);
    lab.consumer.offer(numbered(1, 100_000));
    await lab.consumer.finish();
    expect(lab.log).toContain('error: messages not recorded');
    await rm(ballast);
    await using next = await openLab({ recording: { folder: disk.path } });
    await next.consumer.finish();
    const files = await filesIn(disk.path);
    expect(await numbersIn(files)).toEqual([0]);
    expect(files.every((file) => file.endsWith('.mcap'))).toBe(true);
  });
});

describe.skipIf(missing)('a disk that hangs', () => {
  it('delays nothing but the recording, which loses only what its queue cannot hold', async () => {
    await using disk = await freezableDisk(64);
    await using lab = await openLab({ recording: { folder: disk.path }, maxQueuedBytes: 20 * MB });
    lab.consumer.offer(numbered(0));
    await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
    disk.freeze();
    let worstMs = 0;
    for (const id of upTo(100)) {
      const startedAtMs = performance.now();
      lab.consumer.offer(numbered(1 + id, 100_000));
      await sleep(10);
      worstMs = Math.max(worstMs, performance.now() - startedAtMs);
    }
    expect(lab.told.filter((line) => line === 'decoded')).toHaveLength(101);
    expect(lab.consumer.status).toMatchObject({ dropped: { messages: 0 } });
    expect(lab.consumer.status.queuedBytes).toBeGreaterThan(9 * MB);
    expect(worstMs).toBeLessThan(1_000);
    disk.thaw();
    await lab.consumer.finish();
    const files = (await filesIn(disk.path)).filter((file) => file.endsWith('.mcap'));
    expect(await numbersIn(files)).toEqual(upTo(101));
  });
});
