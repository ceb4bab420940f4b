import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../process-identity.ts';
import type { SensorLog } from '../sensor-log.ts';
import { readRecording } from './read-recording.ts';
import { REPAIRING, repairRecording } from './repair-recording.ts';
import { segmentPrefix, UNFINISHED, type SegmentOrigin } from './segment-name.ts';
import { isOpenHere, stateOfWriter, type SegmentWriter } from './segment-writer.ts';

/** A file without a writer's name may be one that is being begun. */
const BEGINNING_MS = 60_000;
const LAST_REPAIR_MS = 10_000;

/**
 * Makes whole what writers left behind that died: segments of one sensor's stream, of this host. What cannot be
 * repaired is logged, and left as it is.
 */
export async function repairLeftBehind(
  folder: string,
  origin: SegmentOrigin,
  log: SensorLog,
  signal: AbortSignal,
): Promise<void> {
  const names = (await readdir(folder)).filter((name) => name.startsWith(segmentPrefix(origin)));
  await removeHalfRepairs(folder, names);
  for (const name of names.filter((each) => each.endsWith(UNFINISHED)).toSorted()) {
    if (signal.aborted) return;
    try {
      await repairOne(join(folder, name), log, signal);
    } catch (error) {
      if (signal.aborted) return;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue; // another process was quicker
      log.warn('segment not repaired', {
        file: join(folder, name),
        error: (error as Error).message,
      });
    }
  }
}

async function repairOne(file: string, log: SensorLog, signal: AbortSignal): Promise<void> {
  if (isOpenHere(file)) return;
  const writer = await readWriter(file);
  if (writer && (await stateOfWriter(file, writer)) !== 'gone') return;
  if (!writer) return removeEmpty(file, log);
  const repair = await repairRecording(file, signal);
  log.info('segment repaired: its writer had died', { ...repair });
}

/** @returns undefined when the file does not tell */
export async function readWriter(file: string): Promise<SegmentWriter | undefined> {
  const { size } = await stat(file);
  if (size === 0) return undefined;
  for await (const record of readRecording(file)) {
    if (record.type !== 'metadata' || record.name !== 'segment') return undefined;
    const { host = '', pid, startedAt = '', pidNamespace = '' } = record.metadata;
    return { host, pid: Number(pid), startedAt, pidNamespace };
  }
  return undefined;
}

/** Killed before it wrote anything. */
async function removeEmpty(file: string, log: SensorLog): Promise<void> {
  const { size, mtimeMs } = await stat(file);
  if (size > 0) log.warn('segment not repaired: it does not tell who wrote it', { file });
  else if (Date.now() - mtimeMs > BEGINNING_MS) await rm(file, { force: true });
}

/** Of repairs whose process died. */
async function removeHalfRepairs(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const [, pid] = name.split(REPAIRING);
    if (pid !== undefined && !isAlive(Number(pid))) await rm(join(folder, name), { force: true });
  }
}

/** One repair at a time in a process: the disk has other things to do. */
let repairs: Promise<void> = Promise.resolve();

/** Repairs beside everything else. */
export class LeftBehindRepairer {
  readonly #stop = new AbortController();
  readonly #look: () => Promise<void>;
  /** From the asking to the end. */
  #asked: Promise<void> | undefined;
  #isRepairing = false;

  constructor(folder: string, origin: SegmentOrigin, log: SensorLog) {
    this.#look = async () => {
      if (this.#stop.signal.aborted) return;
      this.#isRepairing = true;
      try {
        await repairLeftBehind(folder, origin, log, this.#stop.signal);
      } catch (error) {
        log.warn('unfinished segments not looked for', { error: (error as Error).message });
      } finally {
        this.#isRepairing = false;
      }
    };
  }

  look(): void {
    this.#asked ??= (repairs = repairs.then(this.#look)).finally(() => (this.#asked = undefined));
  }

  /** Waits for the repair that was asked for, but not for long. */
  async end(): Promise<void> {
    const impatience = new AbortController();
    const { signal } = impatience;
    await Promise.race([
      this.#asked,
      sleep(LAST_REPAIR_MS, undefined, { signal }).catch(() => undefined),
    ]);
    impatience.abort();
    this.#stop.abort();
    if (this.#isRepairing) await this.#asked;
  }
}
