import { randomBytes } from 'node:crypto';
import { linkSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identify, isSameProcess } from '../../activities/process-identity.ts';
import type { ProcessIdentity } from '../../activities/process-identity.ts';
import { readJsonFile } from './read-json-file.ts';

const identitySchema = z.object({ pid: z.number(), startedAt: z.string() });

export type FolderLock = { release: () => void };

/** The folder belongs to a process that lives. */
export class FolderLockedError extends Error {
  readonly owner: ProcessIdentity;

  constructor(folder: string, owner: ProcessIdentity) {
    super(`${folder} is in use by process ${owner.pid}`);
    this.owner = owner;
  }
}

/**
 * Makes this process the only owner of a folder, until it releases it or ends, however it ends: a lock whose
 * process is gone, or whose process id now belongs to another process, is taken over.
 *
 * @throws {FolderLockedError} when the owner lives; this very process counts too
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, 'owner.lock');
  take(file, folder);
  return { release: () => rmSync(file, { force: true }) };
}

function take(file: string, folder: string): void {
  while (!create(file)) {
    const owner = readJsonFile(file, identitySchema);
    if (owner !== undefined && isSameProcess(owner)) throw new FolderLockedError(folder, owner);
    removeStale(file, folder);
  }
}

/** A link fails when the name exists, and never shows a half-written file. */
function create(file: string): boolean {
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, JSON.stringify(identify(process.pid)), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Two processes may find the same stale lock, and the slower must not remove the new lock of the quicker. So who
 * removes holds a lock of its own meanwhile, and looks again under it.
 */
function removeStale(file: string, folder: string): void {
  const removal = `${file}.removal`;
  take(removal, folder);
  try {
    const owner = readJsonFile(file, identitySchema);
    if (owner === undefined || !isSameProcess(owner)) rmSync(file, { force: true });
  } finally {
    rmSync(removal, { force: true });
  }
}
