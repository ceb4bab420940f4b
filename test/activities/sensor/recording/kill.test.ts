// Takes about half a minute: each kill starts a process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { readRecordingInfo } from '../../../../activities/sensor/recording/recording-info.ts';
import { temporaryFolder } from '../../../temporary-folder.ts';
import { filesIn, numbersIn, openLab, upTo } from './recording-lab.ts';

const DIST = new URL('../../../../dist/activities/sensor/', import.meta.url).href;
const KILLS = 10;

/**
 * A process that records message after message, each as large as told, and prints the number of each that was handed to
 * the operating system. It runs what `npm test` compiled.
 */
function startRecorder(folder: string, bytes: number) {
  const script = `
    import { openStreamConsumer } from '${DIST}recording/stream-consumer.js';
    import { messageTypes } from '${DIST}protocol/sensr-messages.js';
    const ignore = () => {};
    const consumer = await openStreamConsumer({
      sensor: 'pier-3', stream: 'output',
      recording: { folder: ${JSON.stringify(folder)}, rotateEveryMs: 150, rotateBytes: 1e9, keepBytes: 1e10 },
      log: { info: ignore, warn: ignore, error: ignore }, onDecoded: ignore, onUndecodable: ignore,
      onDropped: ignore, onSegment: ignore, onRecordingStopped: ignore, onRecordingResumed: ignore,
    });
    for (let id = 0; ; id++) {
      const points = Buffer.alloc(${bytes}, id);
      const message = messageTypes.output.encode({ stream: { objects: [{ id, points }] } }).finish();
      consumer.offer({ bytes: Buffer.from(message), isBinary: true, receivedAtNs: BigInt(Date.now()) * 1000000n });
      while (consumer.status.queuedBytes > 0) await new Promise(setImmediate);
      process.stdout.write(id + '\\n');
    }`;
  return spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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
