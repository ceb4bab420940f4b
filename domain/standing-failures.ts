import { mergeSpans, subtractSpans, type Span } from './chunk-planning.ts';

/**
 * The failures that still stand: of each, a part is neither proven, whatever width its proofs have, nor failed anew
 * in other chunks since.
 *
 * @param failures with the moment of each
 * @param proven of the same ship
 * @returns in the order in which they were given
 */
export function standingFailures<Failure extends Span & { failedAtMs: number }>(
  failures: readonly Failure[],
  proven: readonly Span[],
): Failure[] {
  let settled: Span[] = mergeSpans(proven);
  const standing = new Set<Failure>();
  for (const failure of failures.toSorted((a, b) => b.failedAtMs - a.failedAtMs)) {
    if (subtractSpans(failure, settled).length === 0) continue;
    standing.add(failure);
    settled = mergeSpans([...settled, failure]);
  }
  return failures.filter((failure) => standing.has(failure));
}
