import { copyFile, readFile, rename, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readRecordingInfo } from '../../../../activities/sensor/recording/recording-info.ts';
import { repairRecording } from '../../../../activities/sensor/recording/repair-recording.ts';
import { temporaryFolder, type TemporaryFolder } from '../../../temporary-folder.ts';
import { filesIn, numbered, numbersIn, openLab, upTo } from './recording-lab.ts';

const MESSAGES = 12;

/** A whole recording of twelve messages, and its copy that ends after `bytes`. */
async function recordingIn(folder: TemporaryFolder): Promise<{ whole: string; size: number }> {
  await using lab = await openLab();
  for (const id of upTo(MESSAGES)) {
    lab.consumer.offer(numbered(id, 50));
    // Some messages have a chunk of their own, some share one.
    if (id % 4 === 0) await vi.waitFor(() => expect(lab.consumer.status.queuedBytes).toBe(0));
  }
  await lab.consumer.finish();
  const whole = join(folder.path, 'whole.mcap');
  await copyFile((await lab.files())[0]!, whole);
  return { whole, size: (await readFile(whole)).byteLength };
}

async function cut(whole: string, bytes: number): Promise<string> {
  const part = whole.replace('.mcap', `-${bytes}.mcap.part`);
  await copyFile(whole, part);
  await truncate(part, bytes);
  return part;
}

/** Where the n-th message ends in the file. */
function endsOfMessages(bytes: Buffer): number[] {
  return upTo(MESSAGES).map((id) => {
    const { bytes: message } = numbered(id, 50);
    return bytes.indexOf(message) + message.byteLength;
  });
}

describe('repairRecording', () => {
  it('finds every whole message, wherever the file was cut off', async () => {
    await using folder = await temporaryFolder();
    const { whole, size } = await recordingIn(folder);
    const ends = endsOfMessages(await readFile(whole));
    for (let bytes = 8; bytes < size; bytes += 13) {
      const repair = await repairRecording(await cut(whole, bytes));
      const expected = ends.filter((end) => end <= bytes).length;
      expect(repair).toMatchObject({ messages: expected, damagedBytes: 0, original: 'deleted' });
      expect(await numbersIn([repair.file])).toEqual(upTo(expected));
      expect((await readRecordingInfo(repair.file)).state).toBe('complete');
    }
    expect((await filesIn(folder.path)).filter((file) => file.endsWith('.part'))).toEqual([]);
  });

  it('loses no more than the chunk that is damaged, and keeps the original', async () => {
    await using folder = await temporaryFolder();
    const { whole } = await recordingIn(folder);
    const bytes = await readFile(whole);
    const at = bytes.indexOf(numbered(0, 50).bytes) + 20;
    bytes[at] = bytes[at]! ^ 0xff;
    await writeFile(whole, bytes);
    expect(await readRecordingInfo(whole)).toMatchObject({ state: 'damaged', damage: [{}] });
    const repair = await repairRecording(whole);
    expect(repair).toMatchObject({
      file: whole.replace('.mcap', '.repaired.mcap'),
      original: 'kept',
    });
    expect(await numbersIn([repair.file])).toEqual(upTo(MESSAGES).slice(1));
    expect((await readRecordingInfo(repair.file)).state).toBe('complete');
    expect(await readFile(whole)).toEqual(bytes);
  });

  it('goes on behind bytes that are no records, and sets a damaged part aside', async () => {
    await using folder = await temporaryFolder();
    const { whole } = await recordingIn(folder);
    const bytes = await readFile(whole);
    const chunkAt = bytes.indexOf(numbered(0, 50).bytes) - 31 - 49;
    const part = join(folder.path, 'garbage.mcap.part');
    const garbage = Buffer.alloc(1_000, 0xee);
    await writeFile(
      part,
      Buffer.concat([bytes.subarray(0, chunkAt), garbage, bytes.subarray(chunkAt)]),
    );
    const repair = await repairRecording(part);
    expect(repair).toMatchObject({ damagedBytes: 1_000, original: 'kept' });
    expect(await numbersIn([repair.file])).toEqual(upTo(MESSAGES));
    const names = (await filesIn(folder.path)).map((file) => basename(file));
    expect(names).toEqual(['garbage.mcap', 'garbage.mcap.damaged', 'whole.mcap']);
  });

  it('notices one changed byte anywhere in the data', async () => {
    await using folder = await temporaryFolder();
    const { whole } = await recordingIn(folder);
    const bytes = await readFile(whole);
    const end = endsOfMessages(bytes).at(-1)!;
    const changed = join(folder.path, 'changed.mcap');
    for (let at = 8; at < end; at += 97) {
      const copy = Buffer.from(bytes);
      copy[at] = copy[at]! ^ 0x10;
      await writeFile(changed, copy);
      expect((await readRecordingInfo(changed)).state, `byte ${at}`).toBe('damaged');
    }
  });

  it('does not make a second file after a kill between the new one and the end of the old one', async () => {
    await using folder = await temporaryFolder();
    const { whole } = await recordingIn(folder);
    const part = await cut(whole, 4_000);
    const again = join(folder.path, 'again');
    await copyFile(part, again);
    const first = await repairRecording(part);
    await rename(again, part);
    expect(await repairRecording(part)).toEqual(first);
    expect((await filesIn(folder.path)).filter((file) => file !== whole)).toEqual([first.file]);
  });

  it('refuses what is no MCAP file', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'text.mcap');
    await writeFile(file, 'text');
    await expect(repairRecording(file)).rejects.toMatchObject({ code: 'recording-unreadable' });
    await expect(readRecordingInfo(file)).rejects.toMatchObject({ code: 'recording-unreadable' });
  });
});

describe('openStreamConsumer', () => {
  it('leaves segments alone of another host, of another sensor, and of its own that are open', async () => {
    await using first = await openLab();
    first.consumer.offer(numbered(0));
    await vi.waitFor(() => expect(first.consumer.status.queuedBytes).toBe(0));
    const open = first.consumer.status.file!;
    const bytes = await readFile(open);
    const elsewhere = join(first.folder, basename(open).replace('_0.', '_9.'));
    const host = Buffer.from(`host`);
    const at = bytes.indexOf(host) + host.byteLength + 4;
    bytes[at] = bytes[at]! ^ 0x01;
    await writeFile(elsewhere, bytes);
    await utimes(elsewhere, 0, 0);
    await using other = await openLab({ sensor: 'pier', recording: { folder: first.folder } });
    await using second = await openLab({ recording: { folder: first.folder } });
    await second.consumer.finish();
    await other.consumer.finish();
    expect(await filesIn(first.folder)).toEqual([open, elsewhere].toSorted());
  });
});
