import type { FileHandle } from 'node:fs/promises';

const WINDOW_BYTES = 2 ** 20;

/** Reads a file from its beginning to its end, in few calls. What it returned stays as it is. */
export class FileWindow {
  /** When the reading began: what is appended meanwhile is not seen. */
  readonly size: number;
  readonly #handle: FileHandle;
  #window = Buffer.alloc(0);
  #offset = 0;

  private constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  static async over(handle: FileHandle): Promise<FileWindow> {
    const { size } = await handle.stat();
    return new FileWindow(handle, size);
  }

  /** @returns fewer than `length` bytes only at the end of the file */
  async read(offset: number, length: number): Promise<Buffer> {
    const end = Math.min(this.size, offset + length);
    if (offset < this.#offset || end > this.#offset + this.#window.byteLength)
      await this.#move(offset, Math.max(end - offset, Math.min(WINDOW_BYTES, this.size - offset)));
    return this.#window.subarray(offset - this.#offset, Math.max(offset, end) - this.#offset);
  }

  async #move(offset: number, length: number): Promise<void> {
    const window = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const rest = length - filled;
      const { bytesRead } = await this.#handle.read(window, filled, rest, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.#window = window.subarray(0, filled);
    this.#offset = offset;
  }
}
