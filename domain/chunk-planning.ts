import { MINUTE_US, type EpochUs } from './time.ts';

/** Half-open `[fromUs, toUs)`. */
export interface Span {
  fromUs: EpochUs;
  toUs: EpochUs;
}

/**
 * What is left of a span when others are taken out of it, oldest first.
 *
 * @param settled in any order; they may overlap each other and the span's ends
 */
export function subtractSpans(span: Span, settled: readonly Span[]): Span[] {
  const left: Span[] = [];
  let fromUs = span.fromUs;
  for (const other of settled.toSorted((a, b) => a.fromUs - b.fromUs)) {
    if (other.fromUs >= span.toUs) break;
    if (other.fromUs > fromUs) left.push({ fromUs, toUs: other.fromUs });
    fromUs = Math.max(fromUs, other.toUs);
  }
  if (fromUs < span.toUs) left.push({ fromUs, toUs: span.toUs });
  return left;
}

/** Spans that overlap or touch become one, so that each instant is in one of them at most; in time order. */
export function mergeSpans(spans: readonly Span[]): Span[] {
  const merged: Span[] = [];
  for (const { fromUs, toUs } of spans.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = merged.at(-1);
    if (last && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, toUs);
    else merged.push({ fromUs, toUs });
  }
  return merged;
}

/**
 * Splits a span into chunks of at most `widthUs`, oldest first, covering it exactly once. Chunks lie on UTC
 * multiples of the width, so the first and the last may be shorter.
 *
 * @throws {RangeError} when `widthUs` is not positive
 * @see docs/migration.md#chunks
 */
export function* chunksOf(span: Span, widthUs: number): Generator<Span> {
  if (!(widthUs > 0)) throw new RangeError(`a chunk of ${widthUs} µs has no width`);
  let fromUs = span.fromUs;
  while (fromUs < span.toUs) {
    const toUs = Math.min(nextMultiple(fromUs, widthUs), span.toUs);
    yield { fromUs, toUs };
    fromUs = toUs;
  }
}

const nextMultiple = (us: EpochUs, widthUs: number): EpochUs =>
  (Math.floor(us / widthUs) + 1) * widthUs;

/** How many chunks {@link chunksOf} gives, without making them. */
export function countChunks(span: Span, widthUs: number): number {
  if (span.toUs <= span.fromUs) return 0;
  return Math.ceil(span.toUs / widthUs) - Math.floor(span.fromUs / widthUs);
}

/** A chunk's halves are not shorter than a minute. */
export const isDivisible = ({ fromUs, toUs }: Span): boolean => toUs - fromUs >= 2 * MINUTE_US;

/** The two halves of a chunk that was too big, cut at a whole second. */
export function halvesOf(span: Span): [Span, Span] {
  const secondUs = 1_000_000;
  const middleUs = Math.round((span.fromUs + span.toUs) / 2 / secondUs) * secondUs;
  return [
    { fromUs: span.fromUs, toUs: middleUs },
    { fromUs: middleUs, toUs: span.toUs },
  ];
}

/**
 * The next chunks to copy: those of the span that nothing settles yet, oldest first, a chunk that was split
 * before as its halves.
 *
 * @param wasSplit tells whether the ledger holds exactly this range as split
 */
export function nextChunks(
  span: Span,
  widthUs: number,
  settled: readonly Span[],
  wasSplit: (chunk: Span) => boolean,
  limit: number,
): Span[] {
  const chunks: Span[] = [];
  for (const gap of subtractSpans(span, settled)) {
    for (const chunk of chunksOf(gap, widthUs)) {
      chunks.push(...unfoldSplits(chunk, wasSplit));
      if (chunks.length >= limit) return chunks.slice(0, limit);
    }
  }
  return chunks;
}

function unfoldSplits(chunk: Span, wasSplit: (chunk: Span) => boolean): Span[] {
  return wasSplit(chunk)
    ? halvesOf(chunk).flatMap((half) => unfoldSplits(half, wasSplit))
    : [chunk];
}
