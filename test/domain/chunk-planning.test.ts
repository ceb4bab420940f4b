import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chunksOf,
  countChunks,
  halvesOf,
  mergeSpans,
  nextChunks,
  subtractSpans,
  type Span,
} from '../../domain/chunk-planning.ts';
import { DAY_US, HOUR_US, MINUTE_US, SECOND_US, parseInstant } from '../../domain/time.ts';

const at = (text: string) => parseInstant(`2025-06-15T${text}Z`);
const span = (from: string, to: string): Span => ({ fromUs: at(from), toUs: at(to) });

/** Around 1970 too, where a remainder has the other sign. */
const anyInstant = fc.oneof(
  fc.integer({ min: -5 * DAY_US, max: 5 * DAY_US }),
  fc.integer({ min: at('00:00'), max: at('00:00') + 3 * DAY_US }),
);
const anySpan = fc
  .tuple(anyInstant, fc.integer({ min: 0, max: 3 * DAY_US }))
  .map(([fromUs, lengthUs]): Span => ({ fromUs, toUs: fromUs + lengthUs }));
const anyWidth = fc.constantFrom(7 * MINUTE_US, 30 * MINUTE_US, HOUR_US, 2 * HOUR_US, DAY_US);

const covers = (spans: readonly Span[], us: number) =>
  spans.filter(({ fromUs, toUs }) => fromUs <= us && us < toUs).length;

describe('chunks of a span', () => {
  it('cover it exactly once, in time order, none wider than the width', () => {
    fc.assert(
      fc.property(anySpan, anyWidth, (whole, widthUs) => {
        const chunks = [...chunksOf(whole, widthUs)];
        let reachedUs = whole.fromUs;
        for (const { fromUs, toUs } of chunks) {
          expect(fromUs).toBe(reachedUs);
          expect(toUs).toBeGreaterThan(fromUs);
          expect(toUs - fromUs).toBeLessThanOrEqual(widthUs);
          reachedUs = toUs;
        }
        expect(reachedUs).toBe(whole.toUs);
      }),
    );
  });

  it('lie on UTC multiples of the width, but for the two ends', () => {
    fc.assert(
      fc.property(anySpan, anyWidth, (whole, widthUs) => {
        for (const { toUs } of [...chunksOf(whole, widthUs)].slice(0, -1)) {
          expect(Math.abs(toUs % widthUs)).toBe(0);
        }
      }),
    );
  });

  it('are as many as are counted', () => {
    fc.assert(
      fc.property(anySpan, anyWidth, (whole, widthUs) => {
        expect(countChunks(whole, widthUs)).toBe([...chunksOf(whole, widthUs)].length);
      }),
    );
  });

  it('are short at ends that lie between multiples', () => {
    expect([...chunksOf(span('01:30', '04:30'), 2 * HOUR_US)]).toEqual([
      span('01:30', '02:00'),
      span('02:00', '04:00'),
      span('04:00', '04:30'),
    ]);
  });

  it('are none when the span is empty or backwards', () => {
    expect([...chunksOf(span('02:00', '02:00'), HOUR_US)]).toEqual([]);
    expect(countChunks(span('03:00', '02:00'), HOUR_US)).toBe(0);
  });

  it.each([0, -1, Number.NaN])('need a width: %s', (widthUs) => {
    expect(() => [...chunksOf(span('01:00', '02:00'), widthUs)]).toThrow(RangeError);
  });
});

describe('what is left of a span', () => {
  it('is each instant that no settled span has, once', () => {
    fc.assert(
      fc.property(anySpan, fc.array(anySpan, { maxLength: 8 }), (whole, settled) => {
        const left = subtractSpans(whole, settled);
        const edges = [whole, ...settled].flatMap(({ fromUs, toUs }) => [fromUs, toUs]);
        for (const us of edges.flatMap((edge) => [edge - 1, edge, edge + 1])) {
          const isLeft = covers([whole], us) > 0 && covers(settled, us) === 0;
          expect(covers(left, us)).toBe(isLeft ? 1 : 0);
        }
      }),
    );
  });

  it('is in time order, without empty spans', () => {
    fc.assert(
      fc.property(anySpan, fc.array(anySpan, { maxLength: 8 }), (whole, settled) => {
        let reachedUs = -Infinity;
        for (const { fromUs, toUs } of subtractSpans(whole, settled)) {
          expect(fromUs).toBeGreaterThanOrEqual(reachedUs);
          expect(toUs).toBeGreaterThan(fromUs);
          reachedUs = toUs;
        }
      }),
    );
  });

  it('is two ends when the middle is settled', () => {
    expect(subtractSpans(span('00:00', '06:00'), [span('02:00', '04:00')])).toEqual([
      span('00:00', '02:00'),
      span('04:00', '06:00'),
    ]);
  });
});

describe('halves of a chunk', () => {
  it('cover it exactly, cut at a whole second, none empty from two minutes on', () => {
    const wide = anySpan.filter(({ fromUs, toUs }) => toUs - fromUs >= 2 * MINUTE_US);
    fc.assert(
      fc.property(wide, (whole) => {
        const [first, second] = halvesOf(whole);
        expect([first.fromUs, second.toUs]).toEqual([whole.fromUs, whole.toUs]);
        expect(first.toUs).toBe(second.fromUs);
        expect(Math.abs(first.toUs % SECOND_US)).toBe(0);
        const lengths = [first, second].map(({ fromUs, toUs }) => toUs - fromUs);
        expect(Math.min(...lengths)).toBeGreaterThanOrEqual(MINUTE_US - SECOND_US);
      }),
    );
  });
});

describe('the next chunks', () => {
  const never = () => false;

  it('are what the settled ranges leave, whatever width they had', () => {
    const settled = [span('00:00', '00:30'), span('02:00', '03:00')];
    expect(nextChunks(span('00:00', '04:00'), 2 * HOUR_US, settled, never, 10)).toEqual([
      span('00:30', '02:00'),
      span('03:00', '04:00'),
    ]);
  });

  it('and the settled ones together cover the span exactly once', () => {
    fc.assert(
      fc.property(
        anySpan,
        anyWidth,
        fc.array(anySpan, { maxLength: 5 }),
        (whole, widthUs, settled) => {
          const chunks = nextChunks(whole, widthUs, settled, never, Infinity);
          for (const us of [whole, ...settled, ...chunks].flatMap(({ fromUs, toUs }) => [
            fromUs,
            toUs - 1,
          ])) {
            const isOpen = covers([whole], us) > 0 && covers(settled, us) === 0;
            expect(covers(chunks, us)).toBe(isOpen ? 1 : 0);
          }
        },
      ),
    );
  });

  it('are halves, and halves of halves, where the ledger holds the range as split', () => {
    const splits = [span('00:00', '02:00'), span('00:00', '01:00')];
    const wasSplit = (chunk: Span) =>
      splits.some(({ fromUs, toUs }) => fromUs === chunk.fromUs && toUs === chunk.toUs);
    expect(nextChunks(span('00:00', '04:00'), 2 * HOUR_US, [], wasSplit, 10)).toEqual([
      span('00:00', '00:30'),
      span('00:30', '01:00'),
      span('01:00', '02:00'),
      span('02:00', '04:00'),
    ]);
  });

  it('are at most as many as asked for, the oldest', () => {
    const all = nextChunks(span('00:00', '23:00'), HOUR_US, [], never, Infinity);
    expect(nextChunks(span('00:00', '23:00'), HOUR_US, [], never, 5)).toEqual(all.slice(0, 5));
  });
});

describe('spans of a file, in any order, overlapping and duplicate', () => {
  const lengthOf = (spans: readonly Span[]) =>
    spans.reduce((sum, { fromUs, toUs }) => sum + (toUs - fromUs), 0);
  const anySpans = fc
    .array(anySpan, { maxLength: 30 })
    .map((spans) => spans.filter(({ fromUs, toUs }) => fromUs < toUs));

  it('become disjoint ones that cover exactly the same, each instant once', () => {
    fc.assert(
      fc.property(anySpans, fc.array(anyInstant, { maxLength: 20 }), (spans, instants) => {
        const merged = mergeSpans([...spans, ...spans.slice(0, 3)]);
        for (const [index, { fromUs, toUs }] of merged.entries()) {
          expect(toUs).toBeGreaterThan(fromUs);
          if (index > 0) expect(fromUs).toBeGreaterThan(merged[index - 1]!.toUs);
        }
        const edges = spans.flatMap(({ fromUs, toUs }) => [fromUs - 1, fromUs, toUs - 1, toUs]);
        for (const us of [...edges, ...instants])
          expect(covers(merged, us)).toBe(Math.min(1, covers(spans, us)));
      }),
    );
  });

  it('are cut into chunks of at most two hours that touch nothing else', () => {
    fc.assert(
      fc.property(anySpans, anySpans, (spans, proven) => {
        const merged = mergeSpans(spans);
        const chunks = merged.flatMap((each) =>
          nextChunks(each, 2 * HOUR_US, proven, () => false, Number.POSITIVE_INFINITY),
        );
        for (const { fromUs, toUs } of chunks)
          expect(toUs - fromUs).toBeLessThanOrEqual(2 * HOUR_US);
        expect(lengthOf(mergeSpans(chunks))).toBe(lengthOf(chunks));
        const open = merged.flatMap((each) => subtractSpans(each, proven));
        expect(mergeSpans(chunks)).toEqual(mergeSpans(open));
      }),
    );
  });
});
