import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { packageRoot } from '../../workers/configuration/package-root.ts';
import { runCommand } from '../../workers/stack/run-command.ts';
import { findTemporalCli } from '../../workers/stack/temporal-cli.ts';
import { buildImage, type BuiltImage } from './build-image.ts';
import { buildTemporal } from './build-temporal.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A folder for PATH, with the programs that the images of docker-compose.yml have. */
    programs: string;
    image: BuiltImage;
  }
}

const report = (line: string) => void process.stderr.write(`test:cluster: ${line}\n`);

/** Builds what the containers would run: Temporal's programs once, Fairlead's image each time. */
export default async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  await requirePsql();
  const { server, sqlTool } = await buildTemporal(report);
  const cacheFolder = join(packageRoot, '.fairlead', 'cache');
  const cli = await findTemporalCli({ cacheFolder, report });
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-cluster-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const programs = join(folder, 'programs');
    await mkdir(programs);
    await symlink(server, join(programs, 'temporal-server'));
    await symlink(sqlTool, join(programs, 'temporal-sql-tool'));
    await symlink(cli.path, join(programs, 'temporal'));
    provide('programs', programs);
    provide('image', await buildImage(join(folder, 'image'), report));
    return remove;
  } catch (error) {
    await remove();
    throw error;
  }
}

/** PostgreSQL's image runs deploy/compose/databases.sql with it. */
async function requirePsql(): Promise<void> {
  const answer = await runCommand('psql', ['--version'], { timeoutMs: 10_000 }).catch(() => null);
  const major = Number(/\d+/.exec(answer?.stdout ?? '')?.[0] ?? 0);
  if (major >= 15) return;
  throw new Error(
    `test:cluster needs psql 15 or newer, and found ${major || 'none'}: apt-get install postgresql-client, then repeat the command`,
  );
}
