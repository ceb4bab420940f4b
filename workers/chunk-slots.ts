import type { CopyChunkRun, MigrationFunctions } from '../activities/migration-activities.ts';

/** How often a chunk that has to wait for a slot says that it lives. */
const HEARTBEAT_INTERVAL_MS = 2_000;

/**
 * Copies at most `slots` chunks at a time, whatever else this worker does: a chunk is what the memory and the
 * database connections are counted for. The others wait, heartbeating.
 */
export function limitChunks(functions: MigrationFunctions, slots: number): MigrationFunctions {
  const waiting: (() => void)[] = [];
  let free = slots;
  const release = (): void => {
    const next = waiting.shift();
    if (next) next();
    else free++;
  };
  const acquire = async (run: CopyChunkRun): Promise<void> => {
    if (free > 0) free--;
    else await waitFor(waiting, run);
  };
  return {
    ...functions,
    async copyChunk(input, run) {
      await acquire(run);
      try {
        return await functions.copyChunk(input, run);
      } finally {
        release();
      }
    },
  };
}

async function waitFor(waiting: (() => void)[], run: CopyChunkRun): Promise<void> {
  const beat = (): void => run.heartbeat({ stage: 'wait', cells: 0, bytes: 0, silentSeconds: 0 });
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      waiting.push(resolve);
      run.signal.addEventListener('abort', () => {
        const place = waiting.indexOf(resolve);
        if (place >= 0) waiting.splice(place, 1);
        if (place >= 0) reject(run.signal.reason as Error);
      });
    });
  } finally {
    clearInterval(timer);
  }
}
