/** Those that are ended at once; Node 20 has no AsyncDisposableStack. */
export class StoppedTogether {
  readonly #used: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(one: T): T {
    this.#used.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#used.map((one) => one[Symbol.asyncDispose]()));
  }
}
