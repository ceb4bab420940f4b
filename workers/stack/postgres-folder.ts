import { createHash } from 'node:crypto';
import { chmod, lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderThatBars } from './postgres-account.ts';
import type { Account } from './postgres-account.ts';
import type { Report } from './report.ts';

/**
 * The folder below which PostgreSQL keeps its data: `folder` itself, or, where its account cannot get there, one
 * that is as stable but open to it. The same `folder` always leads to the same place.
 */
export async function reachableFolder(options: {
  folder: string;
  account: Account | undefined;
  report: Report;
}): Promise<string> {
  const { folder, account, report } = options;
  const own = await realpath(folder);
  if (account === undefined) return own;
  const bar = await folderThatBars(account, own);
  if (bar === undefined) return own;
  const other = await outsideFolder(own, account);
  report(
    `PostgreSQL runs as ${account.name}, which may not enter ${bar}: its files are in ${other}`,
  );
  return other;
}

async function outsideFolder(folder: string, account: Account): Promise<string> {
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const candidates = [join('/var/lib/fairlead', name), join(tmpdir(), `fairlead-${name}`)];
  const failures: unknown[] = [];
  for (const candidate of candidates)
    try {
      await mkdir(candidate, { recursive: true });
      await refuseForeign(candidate);
      await chmod(candidate, 0o755);
      if ((await folderThatBars(account, candidate)) === undefined) return candidate;
    } catch (error) {
      failures.push(error);
    }
  throw new AggregateError(
    failures,
    `${account.name} can enter neither ${folder} nor ${candidates.join(' nor ')}`,
  );
}

/** In a temporary folder that all may write to, somebody else could have put the name there first. */
async function refuseForeign(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.())
    throw new Error(`${folder} belongs to somebody else`);
}
