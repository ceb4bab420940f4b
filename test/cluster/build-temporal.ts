import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import type { Report } from '../../workers/stack/report.ts';
import { lastLine, runCommand } from '../../workers/stack/run-command.ts';
import { readComposeFile } from '../deploy/compose-file.ts';

/** Temporal's programs, as its images have them; Go calls each by the last folder of its package. */
export interface TemporalPrograms {
  server: string;
  sqlTool: string;
}

const PACKAGES = {
  server: 'go.temporal.io/server/cmd/server',
  sql: 'go.temporal.io/server/cmd/tools/sql',
};

const BUILD_LIMIT_MS = 3_600_000;

/**
 * Builds the programs of the version that docker-compose.yml names from the Go module proxy, once: they stay in the
 * project's cache.
 *
 * @throws where Go is missing, with what to do
 */
export async function buildTemporal(report: Report): Promise<TemporalPrograms> {
  const version = temporalVersion();
  const folder = join(packageRoot, '.fairlead', 'cache', `temporal-server-${version}`);
  const programs = { server: join(folder, 'server'), sqlTool: join(folder, 'sql') };
  if (Object.values(programs).every((program) => existsSync(program))) return programs;
  report(`building Temporal's server ${version} with Go: about 12 minutes on two cores, once`);
  const draft = `${folder}.draft-${process.pid}`;
  try {
    await mkdir(draft, { recursive: true });
    for (const path of Object.values(PACKAGES)) await install(`${path}@v${version}`, draft, folder);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return programs;
}

const temporalVersion = (): string =>
  readComposeFile().services['temporal']!.image.replace('temporalio/server:', '');

async function install(module: string, draft: string, folder: string): Promise<void> {
  const result = await runCommand('go', ['install', module], {
    timeoutMs: BUILD_LIMIT_MS,
    cwd: draft,
    env: { ...process.env, GOBIN: draft },
  }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Error(
      `Temporal's own server is built with Go, and there is no "go" on PATH: install Go 1.26 or newer from https://go.dev/dl, or put the programs "server" and "sql" into ${folder}; then repeat the command`,
      { cause: error },
    );
  });
  if (result.code !== 0)
    throw new Error(`go install ${module} ended with ${result.code}: ${lastLine(result.stderr)}`);
}
