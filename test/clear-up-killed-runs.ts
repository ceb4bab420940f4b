import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FolderLockedError, lockFolder } from '../workers/stack/folder-lock.ts';
import { stopLeftoverPostgres } from '../workers/stack/postgres-server.ts';
import type { Report } from '../workers/stack/report.ts';
import { stopLeftoverTemporal } from '../workers/stack/temporal-server.ts';

export const TEST_FOLDER_PREFIX = 'fairlead-test-';

/** Stops the servers of test runs that were killed, and removes their folders. */
export async function clearUpKilledRuns(report: Report): Promise<void> {
  for (const name of await readdir(tmpdir()))
    if (name.startsWith(TEST_FOLDER_PREFIX)) await clearUp(join(tmpdir(), name), report);
}

async function clearUp(folder: string, report: Report): Promise<void> {
  try {
    lockFolder(folder);
    for (const server of await readdir(folder, { withFileTypes: true })) {
      if (!server.isDirectory()) continue;
      await stopLeftoverPostgres(join(folder, server.name, 'data'), report);
      await stopLeftoverTemporal(join(folder, server.name), report);
    }
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (!(error instanceof FolderLockedError)) report(`${folder} was left: ${String(error)}`);
  }
}
