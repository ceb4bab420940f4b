import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { McapStreamReader, type McapTypes } from '@mcap/core';
import type { RecordedFrame, RecordedGap } from './judge-recording.ts';

/** What a folder of recordings holds, read with MCAP's own reader, and nothing of ours. */
export interface Segments {
  files: string[];
  recorded: RecordedFrame[];
  gaps: RecordedGap[];
  /** Names of all metadata records, counted. */
  metadata: Record<string, number>;
  /** Files without their end, and what else cannot be read. */
  damage: string[];
  /** Names that are no finished segment. */
  others: string[];
  bytes: number;
}

interface Segment {
  frames: RecordedFrame[];
  metadata: McapTypes.TypedMcapRecords['Metadata'][];
  damage?: string;
  bytes: number;
}

/** What stands for the bytes of a frame. */
export const keyOf = (bytes: Uint8Array): string =>
  createHash('sha1').update(bytes).digest('base64url');

/** Reads every finished segment in a folder, in the order of their first frames. */
export async function readSegments(folder: string): Promise<Segments> {
  const names = await filesBelow(folder);
  const finished = names.filter((name) => name.endsWith('.mcap'));
  const segments = await Promise.all(
    finished.map(async (file) => ({ file, ...(await readSegment(join(folder, file))) })),
  );
  const inOrder = segments.toSorted((a, b) => startOf(a) - startOf(b));
  const metadata = inOrder.flatMap((segment) => segment.metadata);
  return {
    files: inOrder.map(({ file }) => file),
    recorded: inOrder.flatMap(({ frames }) => frames),
    gaps: metadata.filter(({ name }) => name === 'gap').map(gapOf),
    metadata: countsOf(metadata.map(({ name }) => name)),
    damage: segments.flatMap(({ file, damage }) => (damage ? [`${file}: ${damage}`] : [])),
    others: names.filter((name) => !name.endsWith('.mcap')),
    bytes: inOrder.reduce((sum, segment) => sum + segment.bytes, 0),
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}

const startOf = ({ frames }: Segment): number => frames[0]?.atMs ?? 0;

async function readSegment(path: string): Promise<Segment> {
  const reader = new McapStreamReader();
  const segment: Segment = { frames: [], metadata: [], bytes: 0 };
  try {
    for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
      segment.bytes += part.length;
      reader.append(part);
      for (let record = reader.nextRecord(); record; record = reader.nextRecord())
        take(record, segment);
    }
    return reader.done() ? segment : { ...segment, damage: 'has no end' };
  } catch (error) {
    return { ...segment, damage: error instanceof Error ? error.message : String(error) };
  }
}

function take(record: McapTypes.TypedMcapRecord, { frames, metadata }: Segment): void {
  if (record.type === 'Message')
    frames.push({ key: keyOf(record.data), atMs: Number(record.logTime / 1_000n) / 1_000 });
  else if (record.type === 'Metadata') metadata.push(record);
}

function gapOf({ metadata }: McapTypes.TypedMcapRecords['Metadata']): RecordedGap {
  const at = (name: string) => Date.parse(metadata.get(name) ?? '');
  return { fromMs: at('from'), toMs: at('to') };
}

function countsOf(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
