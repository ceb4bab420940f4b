import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DAMAGED, FINISHED, segmentPrefix, type SegmentOrigin } from './segment-name.ts';

export interface DeletedSegment {
  file: string;
  bytes: number;
}

/**
 * Deletes the oldest finished segments of a sensor's stream until all of them take no more than `keepBytes`. What is
 * being written counts, and stays.
 */
export async function deleteOldSegments(
  folder: string,
  origin: SegmentOrigin,
  keepBytes: number,
): Promise<DeletedSegment[]> {
  const segments = await listSegments(folder, origin);
  let bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
  const deleted: DeletedSegment[] = [];
  for (const segment of segments.filter(({ file }) => isFinished(file))) {
    if (bytes <= keepBytes) break;
    await rm(segment.file, { force: true });
    bytes -= segment.bytes;
    deleted.push(segment);
  }
  return deleted;
}

/** What the segments of a sensor's stream take. */
export async function heldBytes(folder: string, origin: SegmentOrigin): Promise<number> {
  const segments = await listSegments(folder, origin);
  return segments.reduce((sum, { bytes }) => sum + bytes, 0);
}

const isFinished = (file: string): boolean => file.endsWith(FINISHED) || file.endsWith(DAMAGED);

/** Oldest first. */
async function listSegments(folder: string, origin: SegmentOrigin): Promise<DeletedSegment[]> {
  const prefix = segmentPrefix(origin);
  const names = (await readdir(folder)).filter((name) => name.startsWith(prefix)).toSorted();
  const segments = await Promise.all(
    names.map(async (name) => {
      const file = join(folder, name);
      const found = await stat(file).catch(() => undefined);
      return found?.isFile() ? [{ file, bytes: found.size }] : [];
    }),
  );
  return segments.flat();
}
