/** A change of the ledger that says that a chunk is proven. */
export interface Commit {
  ship: string;
  fromMs: number;
  toMs: number;
  atMs: number;
}

/** A migration that was told to do proven chunks again: what was proven before it began does not count for it. */
export interface Redo {
  ship: string;
  startedAtMs: number;
}

export interface TwiceDone {
  first: Commit;
  again: Commit;
}

/**
 * Commits of what was committed already, in whole or in part, though nobody had asked to do it again meanwhile.
 *
 * @param commits in the order of their time
 */
export function doneTwice(commits: readonly Commit[], redos: readonly Redo[]): TwiceDone[] {
  const twice: TwiceDone[] = [];
  for (const [index, again] of commits.entries()) {
    const first = commits
      .slice(0, index)
      .findLast(
        ({ ship, fromMs, toMs }) =>
          ship === again.ship && fromMs < again.toMs && again.fromMs < toMs,
      );
    if (first && !isAskedFor(first, again, redos)) twice.push({ first, again });
  }
  return twice;
}

const isAskedFor = (first: Commit, again: Commit, redos: readonly Redo[]): boolean =>
  redos.some(
    ({ ship, startedAtMs }) =>
      ship === again.ship && startedAtMs >= first.atMs && startedAtMs <= again.atMs,
  );

export interface Interval {
  fromMs: number;
  toMs: number;
}

export interface NoProgress {
  /** The longest time without a commit, whatever happened. */
  longestMs: number;
  /** The longest time without a commit in which no fault was in force either. */
  longestQuietMs: number;
  longestQuiet: Interval | undefined;
}

/** @param commitsAtMs in order; the first one begins the time that is looked at, and the last one ends it */
export function noProgress(
  commitsAtMs: readonly number[],
  faults: readonly Interval[],
): NoProgress {
  const found: NoProgress = { longestMs: 0, longestQuietMs: 0, longestQuiet: undefined };
  for (const [index, toMs] of commitsAtMs.slice(1).entries()) {
    const gap = { fromMs: commitsAtMs[index]!, toMs };
    found.longestMs = Math.max(found.longestMs, lengthOf(gap));
    for (const quiet of without(gap, faults)) {
      if (lengthOf(quiet) <= found.longestQuietMs) continue;
      found.longestQuietMs = lengthOf(quiet);
      found.longestQuiet = quiet;
    }
  }
  return found;
}

const lengthOf = ({ fromMs, toMs }: Interval): number => toMs - fromMs;

/** What is left of a time when other times are taken out of it. */
function without(whole: Interval, parts: readonly Interval[]): Interval[] {
  let left = [whole];
  for (const part of parts) {
    left = left.flatMap(({ fromMs, toMs }) =>
      part.toMs <= fromMs || part.fromMs >= toMs
        ? [{ fromMs, toMs }]
        : [
            { fromMs, toMs: part.fromMs },
            { fromMs: part.toMs, toMs },
          ].filter((rest) => lengthOf(rest) > 0),
    );
  }
  return left;
}
