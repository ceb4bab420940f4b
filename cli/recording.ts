import type { Command } from 'commander';
import { addCommandGroup } from './command-group.ts';
import { addRecordingInfo } from './recording-info.ts';
import { addRecordingRepair } from './recording-repair.ts';

/** `fairlead recording` */
export function addRecording(program: Command): void {
  const group = addCommandGroup(program, {
    usage: 'recording',
    summary: 'look into recordings, and make crashed ones whole',
    examples: [
      'fairlead recording info recordings/*.mcap',
      'fairlead recording repair recordings/pier-3_output_2025-06-15T02-00-00.000Z_quay-pc_0.mcap.part',
    ],
  });
  addRecordingInfo(group);
  addRecordingRepair(group);
}
