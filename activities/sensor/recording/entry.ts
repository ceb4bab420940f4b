import type { StreamFrame } from '../stream-frame.ts';
import type { Note } from './mcap/mcap-block.ts';

/** A message of the stream; bytes that are none; a text frame, which the protocol does not have. */
export type FrameKind = 'message' | 'undecodable' | 'text';

export interface FrameEntry {
  kind: FrameKind;
  frame: StreamFrame;
  /** Counts the frames of the stream as they came, in 32 bits. */
  sequence: number;
  /** The server's own time. */
  sentAtNs?: bigint | undefined;
}

/** What goes into a recording. */
export type Entry = FrameEntry | Note;
