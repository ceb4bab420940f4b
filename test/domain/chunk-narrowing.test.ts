import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  beginsAsHalves,
  CHUNKS_PER_WIDENING,
  narrowed,
  startWidthUs,
  widened,
} from '../../domain/chunk-narrowing.ts';
import { halvesOf, isDivisible, type Span } from '../../domain/chunk-planning.ts';
import { HOUR_US, MINUTE_US, SECOND_US } from '../../domain/time.ts';

const PLANNED = 2 * HOUR_US;
const wide = (us: number): Span => ({ fromUs: 0, toUs: us });
const after = (...tooBig: number[]) =>
  tooBig.reduce((narrowing, us) => narrowed(narrowing, PLANNED, wide(us)), 0);

describe('the width with which chunks begin', () => {
  it('is the planned one while none was too big', () => {
    expect(startWidthUs(PLANNED, 0)).toBe(PLANNED);
    expect(beginsAsHalves(wide(PLANNED), PLANNED, 0)).toBe(false);
  });

  it('is the one that worked, after splits', () => {
    expect(startWidthUs(PLANNED, after(2 * HOUR_US))).toBe(HOUR_US);
    expect(startWidthUs(PLANNED, after(2 * HOUR_US, HOUR_US))).toBe(HOUR_US / 2);
    expect(startWidthUs(PLANNED, after(50 * MINUTE_US))).toBe(HOUR_US / 2);
  });

  it('does not grow because a wide chunk that was on its way is too big as well', () => {
    expect(after(2 * HOUR_US, HOUR_US, 2 * HOUR_US)).toBe(after(2 * HOUR_US, HOUR_US));
  });

  it('doubles after some chunks, until it is the planned one', () => {
    let narrowing = after(2 * HOUR_US, HOUR_US);
    const widths: number[] = [];
    for (let count = 0; count <= 2 * CHUNKS_PER_WIDENING; count++) {
      const width = startWidthUs(PLANNED, narrowing);
      widths.push(width);
      narrowing = widened(narrowing, PLANNED, wide(width));
    }
    expect(widths.filter((width) => width === HOUR_US / 2)).toHaveLength(CHUNKS_PER_WIDENING);
    expect(widths.filter((width) => width === HOUR_US)).toHaveLength(CHUNKS_PER_WIDENING);
    expect(widths.at(-1)).toBe(PLANNED);
  });

  it('is told nothing by chunks that are far narrower than it', () => {
    const narrowing = after(2 * HOUR_US);
    expect(widened(narrowing, PLANNED, wide(HOUR_US / 2))).toBe(narrowing);
    expect(widened(narrowing, PLANNED, wide(HOUR_US / 2 + 1))).toBe(narrowing - 1);
  });

  it('never brings a chunk below a minute, nor above what was too big', () => {
    const lengths = fc.integer({ min: SECOND_US, max: PLANNED });
    fc.assert(
      fc.property(lengths, lengths, (tooBigUs, nextUs) => {
        const narrowing = isDivisible(wide(tooBigUs)) ? after(tooBigUs) : 0;
        const chunks = [wide(nextUs)];
        while (chunks.some((chunk) => beginsAsHalves(chunk, PLANNED, narrowing)))
          chunks.push(...halvesOf(chunks.shift()!));
        for (const { fromUs, toUs } of chunks) {
          expect(toUs - fromUs).toBeGreaterThanOrEqual(Math.min(nextUs, MINUTE_US - SECOND_US));
          if (narrowing > 0 && toUs - fromUs >= 2 * MINUTE_US)
            expect(toUs - fromUs).toBeLessThan(tooBigUs);
        }
      }),
    );
  });
});
