import { rename, rm, stat, statfs } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { Opcode } from '@mcap/core';
import { formatBytes } from '../../../domain/format-figures.ts';
import { FairleadError } from '../../../domain/errors.ts';
import { chunkBlock } from './mcap/chunk-block.ts';
import {
  channelBlock,
  noteBlock,
  schemaBlock,
  startBlock,
  type McapBlock,
} from './mcap/mcap-block.ts';
import { McapFile } from './mcap/mcap-file.ts';
import { scanMcap, type Found } from './mcap/scan-mcap.ts';
import { notes } from './notes.ts';
import { parseRecord, readRecording } from './read-recording.ts';
import { DAMAGED, FINISHED, UNFINISHED } from './segment-name.ts';
import { LIBRARY, syncFolder } from './segment.ts';

const WRITE_BYTES = 4 * 2 ** 20;
/** Of the file that a repair is writing, behind the name that it will have; the process id follows. */
export const REPAIRING = '.repairing-';

export interface Repair {
  /** The new file. */
  file: string;
  from: string;
  /** What became of the original: kept beside the new file, or deleted, since the new one has all of it. */
  original: 'kept' | 'deleted';
  messages: number;
  /** Of the original's end: never a whole message. */
  unfinishedBytes: number;
  /** Of the original: what could not be read. */
  damagedBytes: number;
}

/**
 * Writes what can be read of a recording into a new file, whole. The original is not touched before the new file is on
 * the disk under its name; it is deleted only when it was a `.part` file and no more than an unfinished end is lost.
 * A damaged `.part` is kept as `.mcap.damaged`.
 *
 * Whether its writer lives is for the caller to know.
 *
 * @throws {FairleadError} `recording-unreadable`, `recording-disk-full`
 */
export async function repairRecording(from: string, signal?: AbortSignal): Promise<Repair> {
  const earlier = await repairBefore(from);
  if (earlier) return earlier;
  await requireRoom(from);
  const file = await targetOf(from);
  const half = `${file}${REPAIRING}${process.pid}`;
  await rm(half, { force: true });
  const target = await McapFile.create(half);
  try {
    const copied = await copyRecords(from, target, signal);
    await target.end();
    await rename(half, file);
    await syncFolder(dirname(file));
    return { file, from, ...copied, original: await settleOriginal(from, copied.damagedBytes) };
  } catch (error) {
    await target.close().catch(() => undefined);
    await rm(half, { force: true });
    throw error;
  }
}

const isUnfinished = (file: string): boolean => file.endsWith(UNFINISHED);

/** A `.part` gets the name that its writer would have given to it; a finished file that is damaged, one beside it. */
async function targetOf(from: string): Promise<string> {
  const stem = from.endsWith(FINISHED)
    ? `${from.slice(0, -FINISHED.length)}.repaired`
    : from.slice(0, isUnfinished(from) ? -UNFINISHED.length : undefined);
  const file = stem + FINISHED;
  const isTaken = await isThere(file);
  return isTaken && isUnfinished(from) ? `${stem}.repaired${FINISHED}` : file;
}

/** A repair that was killed before it had settled the original: its new file is whole, and is not made twice. */
async function repairBefore(from: string): Promise<Repair | undefined> {
  const file = from.slice(0, -UNFINISHED.length) + FINISHED;
  if (!isUnfinished(from) || !(await isThere(file))) return undefined;
  let messages = 0;
  for await (const record of readRecording(file)) {
    if (record.type === 'message') messages++;
    if (record.type !== 'metadata' || record.name !== 'repaired') continue;
    if (record.metadata['from'] !== basename(from)) continue;
    const damagedBytes = Number(record.metadata['damagedBytes']);
    const unfinishedBytes = Number(record.metadata['unfinishedBytes']);
    const original = await settleOriginal(from, damagedBytes);
    return { file, from, original, messages, unfinishedBytes, damagedBytes };
  }
  return undefined;
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

async function settleOriginal(from: string, damagedBytes: number): Promise<Repair['original']> {
  if (!isUnfinished(from)) return 'kept';
  if (damagedBytes > 0) {
    await rename(from, from.slice(0, -UNFINISHED.length) + DAMAGED);
    return 'kept';
  }
  await rm(from, { force: true });
  return 'deleted';
}

async function requireRoom(from: string): Promise<void> {
  const [{ size }, { bavail, bsize }] = await Promise.all([stat(from), statfs(dirname(from))]);
  if (bavail * bsize > size) return;
  throw new FairleadError(
    'recording-disk-full',
    `${from} has ${formatBytes(size)}, and only ${formatBytes(bavail * bsize)} are free beside it`,
    { hint: 'make room on the disk: the repaired file is a new one' },
  );
}

type Copied = Pick<Repair, 'messages' | 'unfinishedBytes' | 'damagedBytes'>;

async function copyRecords(from: string, target: McapFile, signal?: AbortSignal): Promise<Copied> {
  const copy = new Copy(target);
  const lost = { unfinishedBytes: 0, damagedBytes: 0 };
  for await (const found of scanMcap(from)) {
    signal?.throwIfAborted();
    if (found.type === 'damage') lost.damagedBytes += Math.max(1, found.damage.bytes);
    else if (found.type === 'unfinished') lost.unfinishedBytes = found.bytes;
    else await copy.add(found);
  }
  const { size: bytes } = await stat(from);
  const at = new Date().toISOString();
  await copy.note(notes.repaired({ at, from: basename(from), bytes, ...lost }));
  return { messages: target.summary.messages, ...lost };
}

/** Gathers blocks into large writes. */
class Copy {
  readonly #target: McapFile;
  readonly #known = new Set<string>();
  #blocks: McapBlock[] = [startBlock(LIBRARY)];
  #bytes = 0;

  constructor(target: McapFile) {
    this.#target = target;
  }

  async add(found: Found): Promise<void> {
    const block = this.#blockOf(found);
    if (!block) return;
    this.#blocks.push(block);
    this.#bytes += block.byteLength;
    if (this.#bytes >= WRITE_BYTES) await this.#flush();
  }

  async note(note: Parameters<typeof noteBlock>[0]): Promise<void> {
    this.#blocks.push(noteBlock(note));
    await this.#flush();
  }

  async #flush(): Promise<void> {
    await this.#target.write(this.#blocks);
    this.#blocks = [];
    this.#bytes = 0;
  }

  /** @returns undefined for what the new file gets anew: indexes, counts, the end */
  #blockOf(found: Found): McapBlock | undefined {
    if (found.type === 'messages') return chunkBlock(found.messages);
    const record = found.type === 'record' ? parseRecord(found) : undefined;
    if (record?.type === 'Metadata')
      return noteBlock({ name: record.name, fields: Object.fromEntries(record.metadata) });
    if (record?.type === 'Schema')
      return this.#isNew(`${Opcode.SCHEMA} ${record.id}`) ? schemaBlock(record) : undefined;
    if (record?.type === 'Channel')
      return this.#isNew(`${Opcode.CHANNEL} ${record.id}`) ? channelBlock(record) : undefined;
    return undefined;
  }

  /** Other programs repeat them in each chunk, and all do in the summary. */
  #isNew(key: string): boolean {
    const isNew = !this.#known.has(key);
    this.#known.add(key);
    return isNew;
  }
}
