import type { Command } from 'commander';
import {
  readRecordingInfo,
  type RecordingInfo,
} from '../activities/sensor/recording/recording-info.ts';
import { repairRecording, type Repair } from '../activities/sensor/recording/repair-recording.ts';
import { stateOfWriter } from '../activities/sensor/recording/segment-writer.ts';
import { formatCount } from '../domain/format-figures.ts';
import { FairleadError } from '../domain/errors.ts';
import {
  addCommand,
  conclude,
  interruptible,
  type CommonOptions,
  type Outcome,
} from './command.ts';
import { requireFiles } from './recording-info.ts';

/** What became of one file. */
type Repaired = { from: string } & (
  | ({ result: 'repaired' } & Omit<Repair, 'from'>)
  | { result: 'whole' }
  | { result: 'unreadable'; error: string }
);

/** `fairlead recording repair <file…>` */
export function addRecordingRepair(group: Command): void {
  addCommand(group, {
    usage: 'repair',
    summary: 'write what can be read of crashed or damaged recordings into new files, whole',
    examples: ['fairlead recording repair recordings/*.part'],
  })
    .argument('<file...>', 'recordings: .mcap.part, or a damaged .mcap')
    .action(async (files: string[], options: CommonOptions) => {
      const outcome = await interruptible('the originals are as they were', (signal) =>
        repairAll(files, signal),
      );
      conclude(outcome, options);
    });
}

async function repairAll(files: readonly string[], signal: AbortSignal): Promise<Outcome> {
  await requireFiles(files);
  const infos = await Promise.all(files.map((file) => describe(file)));
  await requireGone(infos.filter((info) => 'bytes' in info));
  const results: Repaired[] = [];
  for (const info of infos) results.push('bytes' in info ? await repair(info, signal) : info);
  return {
    json: { repairs: results },
    text: results.map(lineOf).join('\n'),
    exitCode: results.every(isWell) ? 0 : 4,
  };
}

async function describe(file: string): Promise<RecordingInfo | Repaired> {
  try {
    return await readRecordingInfo(file);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { from: file, result: 'unreadable', error: error.message };
  }
}

/** @throws {FairleadError} `recording-in-use`: then nothing was changed */
async function requireGone(infos: readonly RecordingInfo[]): Promise<void> {
  for (const { file, state, writer } of infos) {
    if (!writer || state === 'complete') continue;
    if ((await stateOfWriter(file, writer)) === 'alive') throw inUse(file, writer.pid);
  }
}

const inUse = (file: string, pid: number): FairleadError =>
  new FairleadError('recording-in-use', `${file} is being written by process ${pid}`, {
    hint: 'nothing was changed; it gets its end by itself when that process stops',
  });

async function repair({ file, state }: RecordingInfo, signal: AbortSignal): Promise<Repaired> {
  if (state === 'complete') return { from: file, result: 'whole' };
  return { result: 'repaired', ...(await repairRecording(file, signal)) };
}

const isWell = (repaired: Repaired): boolean =>
  repaired.result === 'whole' || (repaired.result === 'repaired' && repaired.damagedBytes === 0);

function lineOf(repaired: Repaired): string {
  const { from } = repaired;
  if (repaired.result === 'whole') return `${from}: whole already, nothing to repair`;
  if (repaired.result === 'unreadable') return `${from}: not repaired: ${repaired.error}`;
  const { file, messages, unfinishedBytes, damagedBytes, original } = repaired;
  const lost = [
    ...(unfinishedBytes > 0 ? [`${unfinishedBytes} bytes of an unfinished message left out`] : []),
    ...(damagedBytes > 0 ? [`${damagedBytes} damaged bytes left out`] : []),
    `the original is ${original}`,
  ];
  return `${file}: ${formatCount(messages)} messages; ${lost.join('; ')}`;
}
