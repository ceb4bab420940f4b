import { isDivisible, type Span } from './chunk-planning.ts';

/** So many chunks have to be copied at one width before the next ones begin twice as wide. */
export const CHUNKS_PER_WIDENING = 8;

/**
 * How many chunks have still to be copied until one begins with its planned width again; 0 while none was too big.
 * Each {@link CHUNKS_PER_WIDENING} of them stand for one halving of that width.
 */
export type Narrowing = number;

/** The width with which the next chunk begins. */
export const startWidthUs = (plannedUs: number, narrowing: Narrowing): number =>
  plannedUs / 2 ** Math.ceil(narrowing / CHUNKS_PER_WIDENING);

/** True when a chunk begins as its halves, because chunks as wide as it are too big of late. */
export const beginsAsHalves = (chunk: Span, plannedUs: number, narrowing: Narrowing): boolean =>
  isDivisible(chunk) && lengthOf(chunk) > startWidthUs(plannedUs, narrowing);

/** After a chunk was too big: the next ones begin narrower than it was. */
export function narrowed(narrowing: Narrowing, plannedUs: number, tooBig: Span): Narrowing {
  let halvings = 0;
  while (plannedUs / 2 ** halvings >= lengthOf(tooBig)) halvings++;
  return Math.max(narrowing, halvings * CHUNKS_PER_WIDENING);
}

/** After a chunk was copied: a step back to the planned width. One that is far narrower than it might be shows nothing. */
export function widened(narrowing: Narrowing, plannedUs: number, copied: Span): Narrowing {
  const isTelling = 2 * lengthOf(copied) > startWidthUs(plannedUs, narrowing);
  return isTelling ? Math.max(0, narrowing - 1) : narrowing;
}

const lengthOf = ({ fromUs, toUs }: Span): number => toUs - fromUs;
