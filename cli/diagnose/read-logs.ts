import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { LogReading } from '../../domain/diagnosis.ts';
import type { LegacyFailures } from '../../domain/legacy-failures.ts';
import { openProgress } from '../progress.ts';
import { foreignFormat } from './foreign-format.ts';
import { printable } from './printable.ts';
import { LineScanner } from './scan-lines.ts';

/** The name that stands for the standard input. */
export const STDIN = '-';

const BYTES_PER_MB = 1_000_000;
const READ_BYTES = 256 * 1_024;
/** Takes longer than a second. */
const LONG_WORK_BYTES = 200 * BYTES_PER_MB;

export interface ReadLogs {
  reading: LogReading;
  /** False when a file broke off, so that something may be missing. */
  isWhole: boolean;
}

/**
 * Reads logs, gzipped or not.
 *
 * @param onPiece is awaited after each piece of a log, and once at the end, before more is read
 */
export async function readLogs(
  files: readonly string[],
  failures: LegacyFailures,
  onPiece: () => Promise<void>,
): Promise<ReadLogs> {
  const reading: LogReading = { files: files.length, lines: 0, bytes: 0, notes: [] };
  const totalBytes = await sizeOf(files);
  using progress = totalBytes > LONG_WORK_BYTES ? openProgress({ unit: 'MB' }) : undefined;
  const task = progress?.task('reading', totalBytes / BYTES_PER_MB);
  let isWhole = true;
  for (const file of files) {
    const fault = await readLog(file, failures, reading, async () => {
      task?.update(reading.bytes / BYTES_PER_MB);
      await onPiece();
    });
    if (fault === undefined) continue;
    isWhole = false;
    reading.notes.push(`${nameOf(file)} could not be read to its end: ${fault}`);
  }
  failures.joinFiles();
  await onPiece();
  return { reading, isWhole };
}

const nameOf = (file: string): string => (file === STDIN ? 'the standard input' : printable(file));

async function sizeOf(files: readonly string[]): Promise<number> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  return found.reduce((sum, file) => sum + (file?.isFile() ? file.size : 0), 0);
}

/** @returns what kept it from being read to its end, if anything did */
async function readLog(
  file: string,
  failures: LegacyFailures,
  reading: LogReading,
  onPiece: () => Promise<void>,
): Promise<string | undefined> {
  const scanner = new LineScanner(failures.openFile());
  let fault: string | undefined;
  const source = file === STDIN ? process.stdin : createReadStream(file, readOptions);
  const counted = countBytes(source, (bytes) => (reading.bytes += bytes));
  const pieces = untilFault(unzipped(counted), (error) => (fault = describeFault(error)));
  for await (const piece of pieces) {
    scanner.feed(piece);
    await onPiece();
  }
  scanner.end();
  reading.lines += scanner.lines;
  if (fault === undefined && scanner.endsUnfinished)
    reading.notes.push(`${nameOf(file)} ends in the middle of a line, or without a line feed`);
  return fault;
}

async function* untilFault<T>(
  source: AsyncIterable<T>,
  onFault: (error: unknown) => void,
): AsyncGenerator<T> {
  try {
    yield* source;
  } catch (error) {
    onFault(error);
  }
}

const readOptions = { highWaterMark: READ_BYTES };

async function* countBytes(
  source: AsyncIterable<Buffer>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    onBytes(chunk.length);
    yield chunk;
  }
}

/** A gzip file is known by its first two bytes, whatever its name is. */
async function* unzipped(source: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const first = await source.next();
  if (first.done) return;
  const fault = foreignFormat(first.value);
  if (fault !== undefined) throw new Error(fault);
  const isGzip = first.value[0] === 0x1f && first.value[1] === 0x8b;
  yield* isGzip ? gunzipped(first.value, source) : startingWith(first.value, source);
}

async function* startingWith(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  yield* rest;
}

function gunzipped(first: Buffer, rest: AsyncGenerator<Buffer>): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  pipeline(Readable.from(startingWith(first, rest)), gunzip, () => {
    // whoever iterates over `gunzip` is given the error
  });
  return gunzip as AsyncIterable<Buffer>;
}

const knownFaults: Record<string, string> = {
  Z_BUF_ERROR: 'the gzip file was cut off',
  Z_DATA_ERROR: 'its gzip data are damaged',
};

function describeFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return knownFaults[String(code)] ?? message;
}
