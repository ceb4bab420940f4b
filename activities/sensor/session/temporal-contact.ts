import { setTimeout as sleep } from 'node:timers/promises';

const ASK_EVERY_MS = 2_000;
/** While it is away: who comes back first must not find the connections unclaimed. */
const ASK_AGAIN_MS = 300;

/** The SDK goes on asking for longer than its deadline. */
const ANSWER_WITHIN_MS = 2_000;

/** Knows since when Temporal is away; heartbeats do not tell. */
export class TemporalContact implements Disposable {
  #awaySince: number | undefined;
  readonly #waiting = new Set<() => void>();
  readonly #disposed = new AbortController();

  /** @param ask a cheap call */
  constructor(ask: () => Promise<unknown>) {
    void this.#watch(ask);
  }

  /** 0 while it answers. */
  get awayMs(): number {
    return this.#awaySince === undefined ? 0 : Date.now() - this.#awaySince;
  }

  /** @returns what ends it */
  onReturn(called: () => void): () => void {
    this.#waiting.add(called);
    return () => this.#waiting.delete(called);
  }

  async #watch(ask: () => Promise<unknown>): Promise<void> {
    const { signal } = this.#disposed;
    while (!signal.aborted) {
      const isThere = await answers(ask);
      if (isThere && this.#awaySince !== undefined) for (const call of this.#waiting) call();
      this.#awaySince = isThere ? undefined : (this.#awaySince ?? Date.now());
      await sleep(isThere ? ASK_EVERY_MS : ASK_AGAIN_MS, undefined, { signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  [Symbol.dispose](): void {
    this.#disposed.abort();
  }
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  const answered = ask().then(
    () => true,
    () => false,
  );
  const late = sleep(ANSWER_WITHIN_MS, false, { ref: false });
  return Promise.race([answered, late]);
}
