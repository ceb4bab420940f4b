import { describe, expect, it } from 'vitest';
import { assignFormats, madeUpChannel, madeUpNumber } from '../../domain/made-up-channel.ts';
import { blocksOf, shipMinutes } from '../../domain/made-up-fleet.ts';
import { MINUTE_US } from '../../domain/time.ts';

const channels = Array.from({ length: 1_052 }, (_, index) => `/channel/${index}`);

describe('a made-up channel', () => {
  it('has its format by exact shares', () => {
    const counts = new Map<string, number>();
    for (const format of assignFormats(channels, 1).values()) {
      counts.set(format, (counts.get(format) ?? 0) + 1);
    }
    expect(Object.fromEntries(counts)).toEqual({
      String: 21,
      Boolean: 21,
      Integer: 84,
      Decimal: 926,
    });
  });

  it('says smooth values that follow from the seed', () => {
    const at = (seed: number, second: number) =>
      madeUpNumber(madeUpChannel('IMO9976903', '/a', 'Decimal', seed), second);
    expect(at(1, 1_750_000_000)).toBe(at(1, 1_750_000_000));
    expect(at(1, 1_750_000_000)).not.toBe(at(2, 1_750_000_000));
    const { amplitude } = madeUpChannel('IMO9976903', '/a', 'Decimal', 1);
    const step = Math.abs(at(1, 1_750_000_015) - at(1, 1_750_000_000));
    expect(step).toBeLessThan(amplitude * 0.2);
  });
});

it('puts ships in turn, minute after minute, and cuts at full minutes', () => {
  const blocks = blocksOf(['a', 'b'], 0, 3 * MINUTE_US);
  const late = blocks.map((block) => ({ ...block, fromUs: 1.5 * MINUTE_US }));
  const spell = (some: typeof blocks) =>
    Array.from(
      shipMinutes(some),
      ({ ship, fromUs, toUs }) => `${ship} ${fromUs / MINUTE_US}-${toUs / MINUTE_US}`,
    );
  expect(spell(blocks)).toEqual(['a 0-1', 'b 0-1', 'a 1-2', 'b 1-2', 'a 2-3', 'b 2-3']);
  expect(spell(late)).toEqual(['a 1.5-2', 'b 1.5-2', 'a 2-3', 'b 2-3']);
});
