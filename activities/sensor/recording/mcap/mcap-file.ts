import { open, type FileHandle } from 'node:fs/promises';
import { checksumOf } from './chunk-block.ts';
import type { McapBlock } from './mcap-block.ts';
import { McapSummary } from './mcap-summary.ts';

/**
 * An MCAP file that grows by whole blocks. Each is handed to the operating system at once, and is in the file from
 * then on, whatever becomes of this process. One call at a time, but for `sync`.
 */
export class McapFile {
  readonly path: string;
  readonly summary = new McapSummary();
  readonly #handle: FileHandle;
  #bytes = 0;
  #checksum = 0;
  #isBroken = false;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** @throws {Error} `EEXIST` when the file is there */
  static async create(path: string): Promise<McapFile> {
    return new McapFile(path, await open(path, 'wx', 0o644));
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What could not be written could not be taken back: this file takes no more. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** @throws {Error} of the file system, such as `ENOSPC`: then the file is as it was before */
  async write(blocks: readonly McapBlock[]): Promise<void> {
    const parts = blocks.flatMap((block) => block.parts);
    await this.#append(parts);
    this.#checksum = checksumOf(parts, this.#checksum);
    for (const block of blocks) {
      block.enterInto(this.summary, this.#bytes);
      this.#bytes += block.byteLength;
    }
  }

  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  /** Tells others by the file's time that its writer lives. */
  async touch(): Promise<void> {
    const now = new Date();
    await this.#handle.utimes(now, now);
  }

  /** Writes the summary, and sees to it that all is on the disk; the file takes no more. */
  async end(): Promise<void> {
    try {
      await this.#append(this.summary.encode(this.#bytes, this.#checksum));
      await this.#handle.sync();
    } finally {
      await this.#handle.close();
    }
  }

  /** Leaves the file without its summary. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #append(parts: readonly Uint8Array[]): Promise<void> {
    try {
      await writeAll(this.#handle, parts, this.#bytes);
    } catch (error) {
      await this.#handle.truncate(this.#bytes).catch(() => (this.#isBroken = true));
      throw error;
    }
  }
}

/** The kernel may take less than it is given, and takes at most 1,024 pieces at once. */
async function writeAll(
  handle: FileHandle,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let written = 0;
  for (let rest = [...parts]; rest.length > 0;) {
    const { bytesWritten } = await handle.writev(rest.slice(0, MOST_PARTS), position + written);
    if (bytesWritten === 0) throw new Error('the file system took no bytes');
    written += bytesWritten;
    rest = behind(rest, bytesWritten);
  }
}

const MOST_PARTS = 1_024;

function behind(parts: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  let index = 0;
  while (index < parts.length && left >= parts[index]!.byteLength)
    left -= parts[index++]!.byteLength;
  const [first, ...others] = parts.slice(index);
  return first === undefined ? [] : [first.subarray(left), ...others];
}
