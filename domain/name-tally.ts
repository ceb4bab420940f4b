const OTHERS = '(others)';

/** How often each text occurs; of more than `most` different ones, those that come last count as one. */
export class NameTally {
  readonly #counts = new Map<string, number>();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  add(name: string): void {
    const isKnown = this.#counts.has(name) || this.#counts.size < this.#most;
    const counted = isKnown ? name : OTHERS;
    this.#counts.set(counted, this.of(counted) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** Most first, and by name among equals. */
  mostFirst(): [name: string, count: number][] {
    return [...this.#counts].toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  }
}
