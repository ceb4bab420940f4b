import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar';
import type { Report } from './report.ts';

/** How long a source may be silent: to answer at all, and between two pieces of its answer. */
const DEFAULT_SILENCE_MS = 8_000;

const REPORT_EVERY_MS = 1_000;

/**
 * Fetches the official `tar.gz` into `folder` and unpacks the program from it.
 *
 * @returns the path of the unpacked, unchecked program
 * @throws when the source is silent for `silenceMs`, does not answer 200, or holds no `temporal`
 */
export async function fetchArchive(options: {
  url: string;
  folder: string;
  report: Report;
  silenceMs?: number;
}): Promise<string> {
  const archive = join(options.folder, 'temporal.tar.gz');
  await download(options.url, archive, options.report, options.silenceMs ?? DEFAULT_SILENCE_MS);
  await extract({ file: archive, cwd: options.folder, filter: (name) => name === 'temporal' });
  return join(options.folder, 'temporal');
}

async function download(
  url: string,
  file: string,
  report: Report,
  silenceMs: number,
): Promise<void> {
  const silence = silenceWatch(silenceMs);
  try {
    const response = await fetch(url, { signal: silence.signal });
    if (!response.ok || response.body === null)
      throw new Error(`answered ${response.status} ${response.statusText}`);
    const total = Number(response.headers.get('content-length') ?? 0);
    const meter = progressMeter(total, report, silence.heard);
    await pipeline(Readable.fromWeb(response.body), meter, createWriteStream(file));
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : reasonOf(error);
  } finally {
    silence.stop();
  }
}

/** `fetch failed` says nothing: the reason is its cause. */
const reasonOf = (error: unknown): unknown =>
  error instanceof TypeError && error.cause instanceof Error ? error.cause : error;

function silenceWatch(silenceMs: number) {
  const controller = new AbortController();
  const giveUp = () => controller.abort(new Error(`no answer for ${silenceMs / 1000} s`));
  const timer = setTimeout(giveUp, silenceMs);
  return {
    signal: controller.signal,
    heard: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}

function progressMeter(totalBytes: number, report: Report, heard: () => void): Transform {
  let bytes = 0;
  let reportedAt = Date.now();
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      heard();
      bytes += piece.length;
      if (Date.now() - reportedAt >= REPORT_EVERY_MS) {
        reportedAt = Date.now();
        report(
          `Temporal CLI: ${megabytes(bytes)}${totalBytes ? ` of ${megabytes(totalBytes)}` : ''} MB`,
        );
      }
      done(null, piece);
    },
  });
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
