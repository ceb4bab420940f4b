// Takes about half a minute: each kill starts a process.
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { readRecordingInfo } from '../../../../activities/sensor/recording/recording-info.ts';
import { repairLeftBehind } from '../../../../activities/sensor/recording/repair-left-behind.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { filesIn, numbersIn, upTo } from './recording-lab.ts';
import { startRecorder } from './start-recorder.ts';

const KILLS = 10;
const PIER = { sensor: 'pier-3', stream: 'output' } as const;

/** A segment whose process was killed before it wrote a byte may be one that is being begun: it is left for a minute. */
async function filledFilesIn(folder: string): Promise<string[]> {
  const files = await filesIn(folder);
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return files.filter((_, index) => sizes[index]! > 0);
}

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
      await repairLeftBehind(folder.path, PIER, console, new AbortController().signal);
      const files = await filledFilesIn(folder.path);
      expect(files.filter((file) => !file.endsWith('.mcap'))).toEqual([]);
      const numbers = await numbersIn(files);
      expect(numbers).toEqual(upTo(numbers.length));
      expect(numbers.length).toBeGreaterThan(last);
      for (const file of files) expect((await readRecordingInfo(file)).state).toBe('complete');
    }
  });
});
