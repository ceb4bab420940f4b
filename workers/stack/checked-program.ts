import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

export async function sha256OfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** @throws when the file's hash is another one; the file is left as it is */
export async function checkProgram(file: string, sha256: string): Promise<void> {
  const found = await sha256OfFile(file);
  if (found !== sha256) throw new Error(`SHA-256 is ${found}, expected ${sha256}: not used`);
}

/**
 * Puts a fetched program where it is looked for, once its hash is right. The rename is atomic: who looks sees the
 * whole file or none, and of two that arrive at once the later replaces its equal.
 */
export async function placeProgram(fetched: string, target: string, sha256: string): Promise<void> {
  await checkProgram(fetched, sha256);
  await chmod(fetched, 0o755);
  await rename(fetched, target);
}
