import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { ClientBase } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { FairleadError } from '../../domain/errors.ts';
import {
  batchLines,
  BadRows,
  cellParser,
  csvFailure,
  stagedColumns,
} from './import/cell-encoder.ts';
import { CheckUtf8, invalid } from './import/check-utf8.ts';
import { createStage, mergeStage, STAGE, type MergeResult } from './import/merge-stage.ts';
import type { NarrowTable } from './narrow-table.ts';

export interface ImportResult extends MergeResult {
  /** Rows of the file. */
  rows: number;
}

export interface ImportOptions {
  signal?: AbortSignal | undefined;
  /** Bytes of the file as it lies on disk. */
  onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Loads a CSV file, gzipped or not, into the narrow table, in the caller's transaction and in constant memory.
 * Rows that are there already with the same values are left alone.
 *
 * @throws {FairleadError} `import-invalid`, with line numbers; the caller's transaction must be rolled back then
 */
export async function importCells(
  client: ClientBase,
  table: NarrowTable,
  file: string,
  options: ImportOptions = {},
): Promise<ImportResult> {
  try {
    await createStage(client);
    const rows = await stageFile(client, file, options);
    return { rows, ...(await mergeStage(client, table)) };
  } catch (error) {
    throw aboutFile(file, error);
  }
}

async function stageFile(
  client: ClientBase,
  file: string,
  { signal, onProgress = () => {} }: ImportOptions,
): Promise<number> {
  const { totalBytes, isGzip } = await inspect(file);
  const badRows = new BadRows();
  const parser = cellParser(badRows);
  const copy = client.query(copyFrom(`copy ${STAGE} (${stagedColumns.join(', ')}) from stdin`));
  try {
    await pipeline(
      createReadStream(file, { highWaterMark: 256 * 1024 }),
      countBytes((bytes) => onProgress(bytes, totalBytes)),
      isGzip ? createGunzip() : new PassThrough(),
      new CheckUtf8(),
      parser,
      batchLines(),
      copy,
      { ...(signal && { signal }) },
    );
  } catch (error) {
    badRows.throwIfAny(error);
    throw csvFailure(error, parser.info.lines);
  }
  badRows.throwIfAny();
  return copy.rowCount;
}

/** A gzip file is known by its first two bytes, whatever its name is. */
async function inspect(file: string): Promise<{ totalBytes: number; isGzip: boolean }> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    if (bytesRead === 0) throw invalid('is empty', { hint: 'name a file with a header and rows' });
    return { totalBytes: size, isGzip: buffer[0] === 0x1f && buffer[1] === 0x8b };
  } finally {
    await handle?.close();
  }
}

function countBytes(onBytes: (total: number) => void): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      onBytes((total += chunk.length));
      done(null, chunk);
    },
  });
}

const fileFaults: Record<string, [message: string, hint: string]> = {
  ENOENT: ['is not there', 'look at the path'],
  EISDIR: ['is a folder', 'name one file'],
  EACCES: ['may not be read', 'give this user the right to read it'],
  Z_BUF_ERROR: ['ends in the middle: the gzip file was cut off', 'get the file again, whole'],
  Z_DATA_ERROR: ['is damaged: its gzip data are wrong', 'get the file again, whole'],
};

function aboutFile(file: string, error: unknown): unknown {
  const name = basename(file);
  if (error instanceof FairleadError && error.code === 'import-invalid') {
    const hint = error.hint?.replace('FILE', file);
    return invalid(`${name}: ${error.message}`, { ...(hint && { hint }), cause: error.cause });
  }
  const fault = fileFaults[String((error as { code?: unknown }).code)];
  return fault ? invalid(`${name} ${fault[0]}`, { hint: fault[1], cause: error }) : error;
}
