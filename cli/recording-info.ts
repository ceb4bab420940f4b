import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  readRecordingInfo,
  type RecordingInfo,
} from '../activities/sensor/recording/recording-info.ts';
import { FairleadError } from '../domain/errors.ts';
import { addCommand, conclude, type CommonOptions, type Outcome } from './command.ts';
import { openProgress } from './progress.ts';
import { textOfRecording, type UnreadableRecording } from './recording-text.ts';

const BYTES_PER_MB = 1_000_000;
/** Takes longer than a second. */
const LONG_WORK_BYTES = 1_000 * BYTES_PER_MB;

/** `fairlead recording info <file…>` */
export function addRecordingInfo(group: Command): void {
  addCommand(group, {
    usage: 'info',
    summary:
      'what recordings hold: counts, times, connections, gaps, damage, and whether they are whole',
    examples: ['fairlead recording info recordings/*'],
  })
    .argument('<file...>', 'recordings: .mcap, or .mcap.part')
    .action(async (files: string[], options: CommonOptions) => {
      conclude(await describeRecordings(files), options);
    });
}

async function describeRecordings(files: readonly string[]): Promise<Outcome> {
  const bytes = await requireFiles(files);
  const recordings: (RecordingInfo | UnreadableRecording)[] = [];
  using progress = bytes > LONG_WORK_BYTES ? openProgress({ unit: 'MB' }) : undefined;
  const task = progress?.task('reading', bytes / BYTES_PER_MB);
  let read = 0;
  const onProgress = (count: number) => task?.update((read += count) / BYTES_PER_MB);
  for (const file of files) recordings.push(await describe(file, onProgress));
  const isWell = recordings.every(({ state }) => state === 'complete' || state === 'being-written');
  return {
    json: { recordings },
    text: recordings.map(textOfRecording).join('\n\n'),
    exitCode: isWell ? 0 : 4,
  };
}

async function describe(
  file: string,
  onProgress: (bytes: number) => void,
): Promise<RecordingInfo | UnreadableRecording> {
  try {
    return await readRecordingInfo(file, onProgress);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { file, state: 'unreadable', error: error.message };
  }
}

/**
 * @returns what they have together
 * @throws {FairleadError} `usage-invalid`, for all that are no files at once
 */
export async function requireFiles(files: readonly string[]): Promise<number> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  const wrong = files.filter((_, index) => !found[index]?.isFile());
  if (wrong.length > 0) {
    const are = wrong.length === 1 ? 'is no file' : 'are no files';
    throw new FairleadError('usage-invalid', `${wrong.join(', ')} ${are}`, {
      hint: 'name recordings: recordings/*.mcap, or the .mcap.part that a crash left',
    });
  }
  return found.reduce((sum, file) => sum + (file?.size ?? 0), 0);
}
