import { access, constants, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FairleadError } from '../../../domain/errors.ts';
import { Recorder } from './recorder.ts';
import type { RecordingOptions } from './recording-options.ts';
import { SegmentSeries } from './segment-series.ts';
import type { StreamConsumerOptions } from './stream-consumer.ts';

/** Makes the folder where it is missing. */
export async function openRecorder({
  sensor,
  stream,
  recording,
  log,
  ...told
}: StreamConsumerOptions & { recording: RecordingOptions }): Promise<Recorder> {
  const folder = resolve(recording.folder);
  await requireFolder(folder);
  const series = await SegmentSeries.open({
    origin: { sensor, stream },
    recording: { ...recording, folder },
    log,
    onSegment: (segment) => told.onSegment(segment),
  });
  return new Recorder({
    series,
    log,
    onStopped: (reason) => told.onRecordingStopped(reason),
    onResumed: () => told.onRecordingResumed(),
  });
}

async function requireFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { message } = error as Error;
    throw new FairleadError('recording-refused', `recordings cannot be written: ${message}`, {
      hint: `let this user write to ${folder}, or name another folder (\`out\` of the sensor, or --out)`,
      cause: error,
    });
  }
}

/** One by one: Node's own recursion does not end where a file system does not know a folder that it has just refused to make. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await makeOne(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(folder) === folder)
      throw error;
    await makeFolder(dirname(folder));
    await makeOne(folder);
  }
}

async function makeOne(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
