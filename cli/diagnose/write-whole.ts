import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { FairleadError } from '../../domain/errors.ts';

/** Writes a file that is there whole or not at all; into a pipe or a device, piece by piece. */
export async function writeWhole(file: string, pieces: Iterable<string>): Promise<void> {
  await using whole = await WholeFile.open(file);
  for (const piece of inBatches(pieces)) await whole.write(piece);
  await whole.finish();
}

/** A file that takes its name only when it is finished; a pipe or a device is written as it is. */
export class WholeFile implements AsyncDisposable {
  readonly #file: string;
  readonly #draft: string | undefined;
  readonly #handle: FileHandle;

  private constructor(file: string, draft: string | undefined, handle: FileHandle) {
    this.#file = file;
    this.#draft = draft;
    this.#handle = handle;
  }

  static async open(file: string): Promise<WholeFile> {
    const existing = await stat(file).catch(() => undefined);
    if (existing && !existing.isFile())
      return new WholeFile(file, undefined, await open(file, 'w'));
    const draft = `${file}.${randomBytes(4).toString('hex')}.part`;
    return new WholeFile(file, draft, await open(draft, 'wx'));
  }

  /**
   * Goes on where it ended before.
   *
   * @throws {FairleadError} `disk-full`
   */
  async write(text: string): Promise<void> {
    try {
      await writeFile(this.#handle, text);
    } catch (error) {
      throw diskFull(this.#file, error) ?? error;
    }
  }

  async finish(): Promise<void> {
    if (this.#draft === undefined) return;
    await this.#handle.sync();
    await rename(this.#draft, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (this.#draft !== undefined) await rm(this.#draft, { force: true });
  }
}

function diskFull(file: string, cause: unknown): FairleadError | undefined {
  const { code } = cause as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined;
  return new FairleadError('disk-full', `${file} cannot be written: no room is left (${code})`, {
    hint: 'make room there, or name a file on another disk',
    cause,
  });
}

const BATCH_CHARACTERS = 64 * 1_024;

/** The same text in fewer pieces: each costs a call of the system. */
function* inBatches(pieces: Iterable<string>): Generator<string> {
  let batch = '';
  for (const piece of pieces) {
    batch += piece;
    if (batch.length < BATCH_CHARACTERS) continue;
    yield batch;
    batch = '';
  }
  yield batch;
}
