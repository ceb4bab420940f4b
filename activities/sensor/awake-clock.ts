const TICK_MS = 250;
/** What passed between two ticks counts as no more than this. */
const MOST_COUNTED_MS = 500;

export interface AwakeClockOptions {
  /** This process stood still for so long. */
  onStall?: (ms: number) => void;
}

/**
 * Counts the milliseconds in which this process ran. While it is stopped (SIGSTOP, a suspended machine) or its event
 * loop is blocked, this clock stands still: what others did not do in that time is not held against them.
 */
export class AwakeClock implements Disposable {
  #countedMs = 0;
  #tickedAt = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  readonly #onStall: ((ms: number) => void) | undefined;

  constructor({ onStall }: AwakeClockOptions = {}) {
    this.#onStall = onStall;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  now(): number {
    return this.#countedMs + Math.min(performance.now() - this.#tickedAt, MOST_COUNTED_MS);
  }

  /**
   * Calls back once `ms` have passed on this clock, and what had come in by then was read: a pong that waits in the
   * kernel is handled first.
   *
   * @returns a function that forgets the call
   */
  after(ms: number, callback: () => void): () => void {
    const dueAt = this.now() + ms;
    let timer: NodeJS.Timeout;
    let immediate: NodeJS.Immediate | undefined;
    const forget = () => {
      clearTimeout(timer);
      clearImmediate(immediate);
      this.#waiting.delete(forget);
    };
    const call = () => {
      forget();
      callback();
    };
    const wait = () => {
      const leftMs = dueAt - this.now();
      if (leftMs > 0) timer = setTimeout(wait, Math.ceil(leftMs));
      else immediate = setImmediate(call);
    };
    wait();
    this.#waiting.add(forget);
    return forget;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const forget of this.#waiting) forget();
  }

  #tick(): void {
    const passedMs = performance.now() - this.#tickedAt;
    this.#countedMs = this.now();
    this.#tickedAt = performance.now();
    if (passedMs > MOST_COUNTED_MS) this.#onStall?.(passedMs - TICK_MS);
  }
}
