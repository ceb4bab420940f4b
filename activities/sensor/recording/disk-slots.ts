/** Of Node's threads for files and names: two stay free, so that a disk that hangs stops no connection. */
const THREADS = Number(process.env['UV_THREADPOOL_SIZE']) || 4;
const SLOTS = Math.max(1, THREADS - 2);

const waiting: (() => void)[] = [];
let busy = 0;

/** Runs the work as soon as fewer than so many others of this process are at a disk. */
export async function atDisk<T>(work: () => Promise<T>): Promise<T> {
  if (busy >= SLOTS) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else busy--;
  }
}
