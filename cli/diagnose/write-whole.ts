import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, writeFile } from 'node:fs/promises';

/** Writes a file that is there whole or not at all; into a pipe or a device, piece by piece. */
export async function writeWhole(file: string, pieces: Iterable<string>): Promise<void> {
  const existing = await stat(file).catch(() => undefined);
  if (existing && !existing.isFile()) await writeFile(file, inBatches(pieces));
  else await replaceFile(file, pieces);
}

async function replaceFile(file: string, pieces: Iterable<string>): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString('hex')}.part`;
  try {
    await using handle = await open(draft, 'wx');
    await writeFile(handle, inBatches(pieces));
    await handle.sync();
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

const BATCH_CHARACTERS = 64 * 1_024;

/** The same text in fewer pieces: each costs a call of the system. */
export function* inBatches(pieces: Iterable<string>): Generator<string> {
  let batch = '';
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < BATCH_CHARACTERS) continue;
    yield batch;
    batch = '';
  }
  yield batch;
}
