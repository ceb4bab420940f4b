import { readlinkSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { identify, isSameProcess } from '../../process-identity.ts';

/** The process that writes a segment, as the segment itself tells. */
export interface SegmentWriter {
  host: string;
  pid: number;
  /** What tells it from a later process with its id. */
  startedAt: string;
  /** In which a process id means this process; where there is only one, it is empty. */
  pidNamespace: string;
}

/** A writer on another host, or in another container, is known to live only by the time of its file. */
const SILENT_WRITER_MS = 60_000;

export const thisWriter: SegmentWriter = {
  host: hostname(),
  pid: process.pid,
  startedAt: identify(process.pid)?.startedAt ?? '',
  pidNamespace: ownNamespace(),
};

function ownNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** The segments that this process has open. */
const openFiles = new Set<string>();

export const markOpen = (file: string): void => void openFiles.add(resolve(file));
export const markClosed = (file: string): void => void openFiles.delete(resolve(file));
export const isOpenHere = (file: string): boolean => openFiles.has(resolve(file));

/**
 * @returns `alive` also where it cannot be known yet; `elsewhere` for a file of another host, which that host's
 *   processes see to
 */
export async function stateOfWriter(
  file: string,
  writer: SegmentWriter,
): Promise<'alive' | 'gone' | 'elsewhere'> {
  if (isOpenHere(file)) return 'alive';
  if (writer.host !== thisWriter.host) return (await isFresh(file)) ? 'alive' : 'elsewhere';
  if (writer.pid === thisWriter.pid && writer.startedAt === thisWriter.startedAt) return 'gone';
  if (writer.pidNamespace !== thisWriter.pidNamespace)
    return (await isFresh(file)) ? 'alive' : 'gone';
  return isSameProcess(writer) ? 'alive' : 'gone';
}

async function isFresh(file: string): Promise<boolean> {
  const { mtimeMs } = await stat(file);
  return Date.now() - mtimeMs < SILENT_WRITER_MS;
}
