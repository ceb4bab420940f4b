import type { EndedConnection, Gap } from '../../../domain/sensor.ts';
import type { Note } from './mcap/mcap-block.ts';
import type { SegmentOrigin } from './segment-name.ts';
import type { SegmentWriter } from './segment-writer.ts';

/**
 * What a recording tells beside its messages: one MCAP metadata record each. Instants are ISO 8601.
 *
 * @see docs/sensors.md
 */
export const notes = {
  segment: (
    { sensor, stream }: SegmentOrigin,
    writer: SegmentWriter,
    start: { at: string; attempt: number },
  ): Note => noteOf('segment', { sensor, stream, ...writer, ...start }),
  opened: (connection: { attempt: number; localPort: number; at: string }): Note =>
    noteOf('connection', { event: 'opened', ...connection }),
  ended: (connection: EndedConnection): Note =>
    noteOf('connection', { event: 'ended', ...connection }),
  gap: ({ from, to }: Gap): Note =>
    noteOf('gap', { from, to, seconds: (Date.parse(to) - Date.parse(from)) / 1_000 }),
  dropped: (dropped: { messages: number; bytes: number; from: string; to: string }): Note =>
    noteOf('dropped', { ...dropped }),
  stopped: (at: string, reason: string): Note => noteOf('recording-stopped', { at, reason }),
  resumed: (at: string): Note => noteOf('recording-resumed', { at }),
  omitted: (count: number): Note => noteOf('omitted', { notes: count }),
  repaired: (repair: {
    at: string;
    from: string;
    bytes: number;
    unfinishedBytes: number;
    damagedBytes: number;
  }): Note => noteOf('repaired', repair),
} as const;

const noteOf = (name: string, fields: object): Note => ({
  name,
  fields: Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, String(value)]),
  ),
});
