import { createHash } from 'node:crypto';
import type { SensorStream } from '../../../domain/sensor.ts';

export const FINISHED = '.mcap';
/** Of a segment that is being written, or whose writer died. */
export const UNFINISHED = '.mcap.part';
/** Of the original of a repaired segment, of which more than an unfinished end was lost. */
export const DAMAGED = '.mcap.damaged';

const LONGEST_WORD = 80;

export interface SegmentOrigin {
  sensor: string;
  stream: SensorStream;
}

/** How the names of all segments of a sensor's stream begin, and of no other's. */
export const segmentPrefix = ({ sensor, stream }: SegmentOrigin): string =>
  `${fileWord(sensor)}_${stream}_`;

/** `pier-3_output_2025-06-15T02-00-00.000Z_quay-pc_1`: of one stream, the names sort by time. */
export function segmentName(
  origin: SegmentOrigin,
  { startedAt, host, attempt }: { startedAt: Date; host: string; attempt: number },
): string {
  const time = startedAt.toISOString().replaceAll(':', '-');
  return `${segmentPrefix(origin)}${time}_${fileWord(host)}_${attempt}`;
}

/** Letters, digits, dots and hyphens as they are; different words stay different. */
function fileWord(word: string): string {
  const safe = word.replaceAll(/[^A-Za-z0-9.-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16)}`).join(''),
  );
  if (safe.length <= LONGEST_WORD) return safe;
  const digest = createHash('sha256').update(word).digest('hex').slice(0, 12);
  return `${safe.slice(0, LONGEST_WORD - 13)}-${digest}`;
}
