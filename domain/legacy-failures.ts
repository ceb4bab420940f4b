import { DurationTally } from './duration-tally.ts';
import type { ChunkFailed, LegacyLogEvent, QueryFailed } from './legacy-log-line.ts';
import { NameTally } from './name-tally.ts';
import { OpenQueries } from './open-queries.ts';
import type { EpochUs } from './time.ts';

/** A range that a failed query was to migrate. */
export interface LegacyRange {
  ship: string;
  fromUs: EpochUs;
  toUs: EpochUs;
  /** How long the query ran. */
  seconds: number;
}

/** Both lines of a pair are written within moments; further apart, one that lay between may be missing. */
const PAIR_WITHIN_US = 60_000_000;

/** What is kept of the logs at once; all that grows with them has its bound here, or in {@link DurationTally}. */
export interface LegacyBounds {
  /** Lines that wait for their partner, over all files. */
  waiting: number;
  ships: number;
  errors: number;
  unpairedRanges: number;
}

export const DEFAULT_BOUNDS: LegacyBounds = {
  waiting: 100_000,
  ships: 10_000,
  errors: 1_000,
  unpairedRanges: 10_000,
};

/**
 * The failures of any number of logs, of any size. Only what waits for its partner is kept; a range goes to `onRange`
 * as soon as its ship is known.
 *
 * A range belongs to the oldest failed query of its file that has none yet; a line that cannot be read keeps its place in
 * that order, so that those after it are not given the wrong ship. What a file leaves over at its end goes with
 * what the next one, in order of time, begins with: the log was rotated between the two lines.
 */
export class LegacyFailures {
  readonly durations = new DurationTally();
  readonly ships: NameTally;
  readonly errors: NameTally;
  /** Failures that were given a range, and those of them that bear a ship too. */
  paired = 0;
  pairedWithShip = 0;
  /** Pairs whose two lines were logged over a minute apart. */
  distantPairs = 0;
  /** Lines that should tell a failure or a range, and are cut off or damaged. */
  unreadableLines = 0;
  /** Ranges with no failed query before them: which ship's is not known. The first ones are kept. */
  unpairedRangeCount = 0;
  readonly unpairedRanges: Pick<ChunkFailed, 'fromUs' | 'toUs'>[] = [];
  /** Failed queries that were given no range because too many waited for one. */
  overdue = 0;

  readonly #onRange: (range: LegacyRange) => void;
  readonly #bounds: LegacyBounds;
  readonly #files: LogFile[] = [];
  #waiting = 0;

  constructor(onRange: (range: LegacyRange) => void, bounds = DEFAULT_BOUNDS) {
    this.#onRange = onRange;
    this.#bounds = bounds;
    this.ships = new NameTally(bounds.ships);
    this.errors = new NameTally(bounds.errors);
  }

  get count(): number {
    return this.durations.count;
  }

  get unpairedFailures(): number {
    return this.count - this.paired;
  }

  /** What takes one file's events, in their order. */
  openFile(): (event: LegacyLogEvent) => void {
    const file: LogFile = {
      startUs: undefined,
      leading: [],
      open: new OpenQueries(),
      hasQueries: false,
    };
    this.#files.push(file);
    return (event) => {
      if (event.kind === 'unreadable') return this.#keepPlace(file, event.of);
      file.startUs ??= event.atUs;
      if (event.kind === 'query-failed') this.#addQuery(file, event);
      else this.#addRange(file, event);
    };
  }

  /** Pairs what rotation has parted; call it once, after the last file. */
  joinFiles(): void {
    const files = this.#files
      .filter(({ startUs }) => startUs !== undefined)
      .toSorted((a, b) => a.startUs! - b.startUs!);
    files.forEach(({ leading }, index) => {
      const before = files[index - 1];
      for (const range of leading) {
        if (before && isNear(before.open.next, range)) this.#pair(before, range);
        else this.#leaveOut(range);
      }
    });
  }

  #addQuery(file: LogFile, { ship, seconds, error, atUs }: QueryFailed): void {
    file.hasQueries = true;
    this.durations.add(seconds, error);
    this.ships.add(ship);
    this.errors.add(error);
    if (this.#mayWait()) return file.open.push({ ship, seconds, atUs });
    this.overdue++;
    file.open.pushUnknown();
  }

  #keepPlace({ open }: LogFile, of: 'query' | 'chunk'): void {
    this.unreadableLines++;
    if (of === 'query') return open.pushUnknown();
    if (open.next !== 'unknown' && open.next !== undefined) this.#waiting--;
    open.shift();
  }

  #addRange(file: LogFile, range: ChunkFailed): void {
    if (file.open.next !== undefined) this.#pair(file, range);
    else if (!file.hasQueries && this.#mayWait()) file.leading.push(range);
    else this.#leaveOut(range);
  }

  /** False when too many lines wait already; otherwise there is one more. */
  #mayWait(): boolean {
    if (this.#waiting >= this.#bounds.waiting) return false;
    this.#waiting++;
    return true;
  }

  #pair({ open }: LogFile, range: ChunkFailed): void {
    const query = open.next;
    open.shift();
    if (query === undefined || query === 'unknown') return this.#leaveOut(range);
    this.#waiting--;
    this.paired++;
    if (query.ship !== '') this.pairedWithShip++;
    if (!isNear(query, range)) this.distantPairs++;
    const { ship, seconds } = query;
    this.#onRange({ ship, fromUs: range.fromUs, toUs: range.toUs, seconds });
  }

  #leaveOut({ fromUs, toUs }: ChunkFailed): void {
    this.unpairedRangeCount++;
    if (this.unpairedRanges.length < this.#bounds.unpairedRanges)
      this.unpairedRanges.push({ fromUs, toUs });
  }
}

/** What is known of a file, and has no partner in it yet. */
interface LogFile {
  startUs: EpochUs | undefined;
  /** Ranges before its first failed query. */
  leading: ChunkFailed[];
  open: OpenQueries;
  hasQueries: boolean;
}

const isNear = (query: OpenQueries['next'], { atUs }: ChunkFailed): boolean =>
  query === 'unknown' || (query !== undefined && Math.abs(atUs - query.atUs) <= PAIR_WITHIN_US);
