import type { ChunkFailed, LegacyLogEvent, QueryFailed, Unreadable } from './legacy-log-line.ts';
import type { EpochUs } from './time.ts';

/** A failed query with its range, where a range was logged. */
export interface LegacyFailure {
  ship: string;
  seconds: number;
  error: string;
  range: { fromUs: EpochUs; toUs: EpochUs } | undefined;
}

/** Both lines of a pair are written within moments; further apart, one that lay between may be missing. */
const PAIR_WITHIN_US = 60_000_000;
/** Of more different ones than this, the rest count as one. */
const MOST_ERRORS = 1_000;

/**
 * The failures of any number of logs: some fifty bytes each outside the heap, whatever the logs' size.
 *
 * A range belongs to the oldest failed query of its file that has none yet; a line that cannot be read keeps its place in
 * that order, so that those after it are not given the wrong ship. What a file leaves over at its end goes with
 * what the next one, in order of time, begins with: the log was rotated between the two lines.
 */
export class LegacyFailures {
  /** Pairs whose two lines were logged over a minute apart. */
  distantPairs = 0;
  /** Lines that should tell a failure or a range, and are cut off or damaged. */
  unreadableLines = 0;
  /** Ranges with no failed query before them: which ship's is not known. */
  readonly unpairedRanges: Pick<ChunkFailed, 'fromUs' | 'toUs'>[] = [];

  readonly #seconds = new Column();
  readonly #fromUs = new Column();
  readonly #toUs = new Column();
  readonly #atUs = new Column();
  readonly #ship = new Column();
  readonly #error = new Column();
  readonly #ships = new Names();
  readonly #errors = new Names(MOST_ERRORS);
  readonly #ends: FileEnds[] = [];

  get count(): number {
    return this.#seconds.length;
  }

  /** All durations, in the order of the lines. */
  get seconds(): Float64Array {
    return this.#seconds.values();
  }

  get unpairedFailures(): number {
    let count = 0;
    for (let index = 0; index < this.count; index++) if (!this.#hasRange(index)) count++;
    return count;
  }

  at(index: number): LegacyFailure {
    const range = this.#hasRange(index)
      ? { fromUs: this.#fromUs.at(index), toUs: this.#toUs.at(index) }
      : undefined;
    const ship = this.#ships.at(this.#ship.at(index));
    return { ship, seconds: this.#seconds.at(index), error: this.errorAt(index), range };
  }

  errorAt(index: number): string {
    return this.#errors.at(this.#error.at(index));
  }

  *[Symbol.iterator](): Generator<LegacyFailure> {
    for (let index = 0; index < this.count; index++) yield this.at(index);
  }

  /** What takes one file's events, in their order, and is told its end. */
  openFile(): { add: (event: LegacyLogEvent) => void; end: () => void } {
    const ends: FileEnds = {
      startUs: undefined,
      leading: [],
      holes: [],
      oldest: this.count,
      end: this.count,
    };
    this.#ends.push(ends);
    return {
      add: (event) => {
        if (event.kind === 'unreadable') this.#keepPlace(ends, event);
        else ends.startUs ??= event.atUs;
        if (event.kind === 'query-failed') this.#addQuery(event);
        else if (event.kind === 'chunk-failed') this.#addRange(ends, event);
      },
      end: () => void (ends.end = this.count),
    };
  }

  /** Pairs what rotation has parted; call it once, after the last file. */
  joinFiles(): void {
    const files = this.#ends
      .filter(({ startUs }) => startUs !== undefined)
      .toSorted((a, b) => a.startUs! - b.startUs!);
    files.forEach(({ leading }, index) => {
      const before = files[index - 1];
      for (const range of leading) {
        if (before && before.oldest < before.end && this.#isNear(before.oldest, range))
          this.#pair(before.oldest++, range);
        else this.unpairedRanges.push(range);
      }
    });
  }

  #addQuery({ ship, seconds, error, atUs }: QueryFailed): void {
    this.#seconds.push(seconds);
    this.#atUs.push(atUs);
    this.#fromUs.push(Number.NaN);
    this.#toUs.push(Number.NaN);
    this.#ship.push(this.#ships.indexOf(ship));
    this.#error.push(this.#errors.indexOf(error));
  }

  #keepPlace(ends: FileEnds, { of }: Unreadable): void {
    this.unreadableLines++;
    if (of === 'query') ends.holes.push(this.count);
    else if (!takeHole(ends) && ends.oldest < this.count) ends.oldest++;
  }

  #addRange(ends: FileEnds, range: ChunkFailed): void {
    if (takeHole(ends)) this.unpairedRanges.push(range);
    else if (ends.oldest < this.count) this.#pair(ends.oldest++, range);
    else if (ends.oldest === ends.end) ends.leading.push(range);
    else this.unpairedRanges.push(range);
  }

  #pair(index: number, range: ChunkFailed): void {
    this.#fromUs.set(index, range.fromUs);
    this.#toUs.set(index, range.toUs);
    if (!this.#isNear(index, range)) this.distantPairs++;
  }

  #hasRange(index: number): boolean {
    return !Number.isNaN(this.#fromUs.at(index));
  }

  #isNear(index: number, { atUs }: ChunkFailed): boolean {
    return Math.abs(atUs - this.#atUs.at(index)) <= PAIR_WITHIN_US;
  }
}

/** What a file begins and ends with that has no partner in it. */
interface FileEnds {
  startUs: EpochUs | undefined;
  /** Ranges before its first failed query. */
  leading: ChunkFailed[];
  /** The oldest of its failed queries that has no range; as many as all when all have one. */
  oldest: number;
  /** Where its failed queries end; until it is read, where they begin. */
  end: number;
  /** Unreadable queries, each as the index of the failed query that follows it. */
  holes: number[];
}

/** True when the oldest query without a range is one that could not be read; it has been dealt with then. */
function takeHole({ holes, oldest }: FileEnds): boolean {
  if (holes[0] !== oldest) return false;
  holes.shift();
  return true;
}

/** Numbers that are only ever added, in memory outside the heap. */
class Column {
  length = 0;
  #values = new Float64Array(1_024);

  push(value: number): void {
    if (this.length === this.#values.length) {
      const wider = new Float64Array(2 * this.length);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.length++] = value;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  at(index: number): number {
    return this.#values[index]!;
  }

  values(): Float64Array {
    return this.#values.subarray(0, this.length);
  }
}

const OTHERS = '(others)';

/** Texts that repeat, each kept once. */
class Names {
  readonly #indices = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #most: number;

  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  indexOf(name: string): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    if (name !== OTHERS && this.#names.length >= this.#most) return this.indexOf(OTHERS);
    this.#indices.set(name, this.#names.length);
    return this.#names.push(name) - 1;
  }

  at(index: number): string {
    return this.#names[index]!;
  }
}
