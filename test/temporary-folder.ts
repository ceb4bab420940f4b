import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type TemporaryFolder = AsyncDisposable & { path: string };

/** An empty folder, which others may enter unless told otherwise; removed at the end. */
export async function temporaryFolder(mode = 0o755): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'fairlead-'));
  await chmod(path, mode);
  return {
    path,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}
