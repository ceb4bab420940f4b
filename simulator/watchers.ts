/** Those who wait for a state, asked again after each change. */
export class Watchers<T> {
  readonly #listeners = new Set<(state: T) => void>();
  readonly #read: () => T;

  constructor(read: () => T) {
    this.#read = read;
  }

  /** The state is read only when somebody wants it. */
  look(): void {
    if (this.#listeners.size === 0) return;
    const state = this.#read();
    for (const listener of this.#listeners) listener(state);
  }

  add(listener: (state: T) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** @throws {Error} with the last state, when it did not come in time */
  waitFor(isSo: (state: T) => boolean, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const first = this.#read();
      if (isSo(first)) return resolve(first);
      const look = (state: T) => {
        if (!isSo(state)) return;
        finish();
        resolve(state);
      };
      const subscription = this.add(look);
      const timer = setTimeout(() => {
        finish();
        reject(
          new Error(
            `not so within ${timeoutMs} ms: ${JSON.stringify(this.#read()).slice(0, 4_000)}`,
          ),
        );
      }, timeoutMs);
      const finish = () => {
        clearTimeout(timer);
        subscription[Symbol.dispose]();
      };
    });
  }
}
