import type { QueryFailed } from './legacy-log-line.ts';

export type OpenQuery = Pick<QueryFailed, 'ship' | 'seconds' | 'atUs'>;

/**
 * The failed queries of a file that have no range yet, oldest first, among them the places of those that are not known:
 * the range that comes in their turn is not given to another one.
 */
export class OpenQueries {
  /** A number stands for so many queries that are not known. */
  #turns: (OpenQuery | number)[] = [];
  #first = 0;

  push(query: OpenQuery): void {
    this.#turns.push(query);
  }

  pushUnknown(): void {
    const last = this.#turns.at(-1);
    if (this.#first < this.#turns.length && typeof last === 'number')
      this.#turns[this.#turns.length - 1] = last + 1;
    else this.#turns.push(1);
  }

  /** The one that the next range belongs to; `unknown` where no line told which it is, undefined where there is none. */
  get next(): OpenQuery | 'unknown' | undefined {
    const turn = this.#turns[this.#first];
    return typeof turn === 'number' ? 'unknown' : turn;
  }

  shift(): void {
    const turn = this.#turns[this.#first];
    if (typeof turn === 'number' && turn > 1) this.#turns[this.#first] = turn - 1;
    else if (turn !== undefined) this.#first++;
    if (this.#first < 1_000 || this.#first < this.#turns.length / 2) return;
    this.#turns = this.#turns.slice(this.#first);
    this.#first = 0;
  }
}
