// Takes about half a minute: each kill starts a process.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { readRecordingInfo } from '../../../../activities/sensor/recording/recording-info.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { filesIn, numbersIn, openLab, upTo } from './recording-lab.ts';
import { startRecorder } from './start-recorder.ts';

const KILLS = 10;

/** @returns the last number that the process had printed */
async function killWhileRecording(folder: string, bytes: number, afterMs: number): Promise<number> {
  const child = startRecorder(folder, bytes);
  const lines = createInterface(child.stdout);
  let last = -1;
  lines.on('line', (line) => (last = Number(line)));
  await once(lines, 'line');
  await sleep(afterMs);
  child.kill('SIGKILL');
  await once(child, 'close');
  return last;
}

describe('a recording whose process is killed', () => {
  it.each([
    { what: 'small messages', bytes: 100 },
    { what: 'clouds', bytes: 4_800_000 },
  ])('holds every message that was written: $what', { timeout: 120_000 }, async ({ bytes }) => {
    for (let kill = 0; kill < KILLS; kill++) {
      await using folder = await temporaryFolder();
      const last = await killWhileRecording(folder.path, bytes, 30 * kill);
      await using lab = await openLab({ recording: { folder: folder.path } });
      await lab.consumer.finish();
      const files = await filesIn(folder.path);
      expect(files.filter((file) => !file.endsWith('.mcap'))).toEqual([]);
      const numbers = await numbersIn(files);
      expect(numbers).toEqual(upTo(numbers.length));
      expect(numbers.length).toBeGreaterThan(last);
      for (const file of files) expect((await readRecordingInfo(file)).state).toBe('complete');
    }
  });
});
