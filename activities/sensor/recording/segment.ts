import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeFileDescriptorSet } from '../protocol/file-descriptor-set.ts';
import { messageNames } from '../protocol/sensr-messages.ts';
import { chunkBlock, type LoggedMessage } from './mcap/chunk-block.ts';
import {
  channelBlock,
  noteBlock,
  schemaBlock,
  startBlock,
  type McapBlock,
} from './mcap/mcap-block.ts';
import { McapFile } from './mcap/mcap-file.ts';
import { notes } from './notes.ts';
import type { Entry, FrameEntry, FrameKind } from './entry.ts';
import { FINISHED, segmentName, UNFINISHED, type SegmentOrigin } from './segment-name.ts';
import { markClosed, markOpen, thisWriter } from './segment-writer.ts';
import type { FinishedSegment } from './stream-consumer.ts';

export const LIBRARY = 'fairlead';
const SCHEMA_ID = 1;
/** Of the times that readers can show. */
const LAST_NS = 2n ** 63n;
/** The index of so many chunks, about 20 MB, is kept in memory. */
const MOST_CHUNKS = 250_000;

const channels = {
  message: { id: 0, topic: '', schemaId: SCHEMA_ID, messageEncoding: 'protobuf' },
  undecodable: { id: 1, topic: '/undecodable', schemaId: 0, messageEncoding: 'binary' },
  text: { id: 2, topic: '/text', schemaId: 0, messageEncoding: 'text' },
} as const satisfies Record<FrameKind, object>;

/** No two segments of a process begin in the same millisecond, and so none have the same name. */
let lastStartMs = 0;

/** One recording file: `.mcap.part` until it is finished. */
export class Segment {
  readonly openedAtMs = performance.now();
  readonly #origin: SegmentOrigin;
  readonly #file: McapFile;
  readonly #described = new Set<FrameKind>();
  /** The folder on the disk has its name. */
  #isNamed = false;

  private constructor(origin: SegmentOrigin, file: McapFile) {
    this.#origin = origin;
    this.#file = file;
  }

  /** @throws {Error} of the file system; then no file is left */
  static async open(folder: string, origin: SegmentOrigin, attempt: number): Promise<Segment> {
    lastStartMs = Math.max(Date.now(), lastStartMs + 1);
    const startedAt = new Date(lastStartMs);
    const name = segmentName(origin, { startedAt, host: thisWriter.host, attempt });
    const path = join(folder, name + UNFINISHED);
    const segment = new Segment(origin, await McapFile.create(path));
    markOpen(path);
    try {
      await segment.#start(startedAt, attempt);
      return segment;
    } catch (error) {
      await segment.abandon();
      throw error;
    }
  }

  get path(): string {
    return this.#file.path;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  get isFull(): boolean {
    return this.#file.summary.chunks >= MOST_CHUNKS;
  }

  /** It takes no more, because of what the file system did. */
  get isBroken(): boolean {
    return this.#file.isBroken;
  }

  /** @throws {Error} of the file system; then the segment holds none of the entries, and can be tried again */
  async write(entries: readonly Entry[]): Promise<void> {
    const kinds = new Set(entries.flatMap((entry) => ('kind' in entry ? [entry.kind] : [])));
    const unknown = [...kinds].filter((kind) => !this.#described.has(kind));
    await this.#file.write([...unknown.map((kind) => this.#describe(kind)), ...blocksOf(entries)]);
    for (const kind of unknown) this.#described.add(kind);
  }

  /** Until then, a crash of the machine may take what was written. */
  async sync(): Promise<void> {
    await this.#file.sync();
    if (!this.#isNamed) await syncFolder(dirname(this.path));
    this.#isNamed = true;
  }

  touch = (): Promise<void> => this.#file.touch();

  /** @throws {Error} of the file system; then the file stays as that of a writer that died */
  async finish(): Promise<FinishedSegment> {
    try {
      await this.#file.end();
      const file = this.path.slice(0, -UNFINISHED.length) + FINISHED;
      await rename(this.path, file);
      await syncFolder(dirname(file));
      return { file, messages: this.#file.summary.messages };
    } finally {
      markClosed(this.path);
    }
  }

  /** Leaves the file as that of a writer that died; or none, when no message is in it. */
  async abandon(): Promise<void> {
    markClosed(this.path);
    await this.#file.close();
    if (this.#file.summary.messages === 0) await rm(this.path, { force: true });
  }

  async #start(startedAt: Date, attempt: number): Promise<void> {
    const { stream } = this.#origin;
    const at = startedAt.toISOString();
    const schema = {
      id: SCHEMA_ID,
      name: messageNames[stream],
      encoding: 'protobuf',
      data: encodeFileDescriptorSet(),
    };
    await this.#file.write([
      startBlock(LIBRARY),
      noteBlock(notes.segment(this.#origin, thisWriter, { at, attempt })),
      schemaBlock(schema),
      this.#describe('message'),
    ]);
    this.#described.add('message');
  }

  #describe(kind: FrameKind): McapBlock {
    const { sensor, stream } = this.#origin;
    const { topic, ...channel } = channels[kind];
    return channelBlock({
      ...channel,
      topic: `/${sensor}/${stream}${topic}`,
      metadata: new Map(),
    });
  }
}

/** Notes stay where they came between the messages. */
function blocksOf(entries: readonly Entry[]): McapBlock[] {
  const blocks: McapBlock[] = [];
  let messages: LoggedMessage[] = [];
  const close = () => {
    if (messages.length > 0) blocks.push(chunkBlock(messages));
    messages = [];
  };
  for (const entry of entries) {
    if ('kind' in entry) {
      messages.push(messageOf(entry));
    } else {
      close();
      blocks.push(noteBlock(entry));
    }
  }
  close();
  return blocks;
}

const messageOf = ({ kind, sequence, frame, sentAtNs = 0n }: FrameEntry): LoggedMessage => ({
  channelId: channels[kind].id,
  sequence,
  logTimeNs: frame.receivedAtNs,
  publishTimeNs: sentAtNs > 0n && sentAtNs < LAST_NS ? sentAtNs : frame.receivedAtNs,
  bytes: frame.bytes,
});

/** A name lasts through a crash of the machine only when its folder was written. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
