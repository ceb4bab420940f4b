import { describe, expect, it } from 'vitest';
import { DEFAULT_BOUNDS, LegacyFailures, type LegacyBounds } from '../../domain/legacy-failures.ts';
import type { LegacyLogEvent } from '../../domain/legacy-log-line.ts';
import { SECOND_US } from '../../domain/time.ts';

const query = (ship: string, atSeconds = 0): LegacyLogEvent => ({
  kind: 'query-failed',
  atUs: atSeconds * SECOND_US,
  ship,
  seconds: 10,
  error: 'gone',
});
const chunk = (from: number, atSeconds = 0): LegacyLogEvent => ({
  kind: 'chunk-failed',
  atUs: atSeconds * SECOND_US,
  fromUs: from,
  toUs: from + 1,
});

const read = (...files: LegacyLogEvent[][]) => readWithin(DEFAULT_BOUNDS, ...files);

function readWithin(bounds: LegacyBounds, ...files: LegacyLogEvent[][]) {
  const pairs: [ship: string, from: number][] = [];
  const failures = new LegacyFailures(({ ship, fromUs }) => pairs.push([ship, fromUs]), bounds);
  for (const events of files) {
    const add = failures.openFile();
    for (const event of events) add(event);
  }
  failures.joinFiles();
  return { failures, pairs };
}

describe('failures of the old pipeline', () => {
  it('are paired first in, first out', () => {
    const { failures, pairs } = read([
      query('A'),
      query('B'),
      chunk(1),
      query('C'),
      chunk(2),
      chunk(3),
    ]);
    expect(pairs).toEqual([
      ['A', 1],
      ['B', 2],
      ['C', 3],
    ]);
    expect(failures).toMatchObject({ unpairedFailures: 0, unpairedRanges: [], distantPairs: 0 });
    expect(failures).toMatchObject({ count: 3, paired: 3, pairedWithShip: 3, overdue: 0 });
  });

  it('are counted where either line is missing', () => {
    const { failures, pairs } = read([chunk(1), query('A'), chunk(2), chunk(3), query('B')]);
    expect(pairs).toEqual([['A', 2]]);
    expect(failures.unpairedFailures).toBe(1);
    expect(failures.unpairedRanges.map(({ fromUs }) => fromUs)).toEqual([3, 1]);
  });

  it.each([
    [
      'query',
      [
        ['A', 1],
        ['C', 3],
      ],
      [2],
    ],
    [
      'chunk',
      [
        ['A', 1],
        ['C', 3],
      ],
      [],
    ],
  ] as const)('keep their ranges when an unreadable %s stands among them', (of, expected, left) => {
    const lost: LegacyLogEvent = { kind: 'unreadable', of };
    const second = of === 'query' ? [lost, chunk(2)] : [query('B'), lost];
    const events = [query('A'), second[0]!, query('C'), chunk(1), second[1]!, chunk(3)];
    const { failures, pairs } = read(events);
    expect(pairs).toEqual(expected);
    expect(failures.unpairedRanges.map(({ fromUs }) => fromUs)).toEqual(left);
    expect(failures.unreadableLines).toBe(1);
  });

  it('keep to their file', () => {
    const { failures, pairs } = read([query('A')], [query('B', 3_600), chunk(2, 3_600)]);
    expect(pairs).toEqual([['B', 2]]);
    expect(failures.unpairedFailures).toBe(1);
  });

  it('are paired across the rotation of a log, whatever the order of the files', () => {
    const older = [query('A', 0), chunk(1, 0), query('B', 100), query('C', 100)];
    const newer = [chunk(2, 100), chunk(3, 101), query('D', 200), chunk(4, 200)];
    const parted = [
      ['B', 2],
      ['C', 3],
    ];
    expect(read(older, newer).pairs).toEqual([['A', 1], ['D', 4], ...parted]);
    expect(read(newer, older).pairs).toEqual([['D', 4], ['A', 1], ...parted]);
  });

  it('give no ship to a range whose query was cut off before the rotation', () => {
    const cutOff: LegacyLogEvent = { kind: 'unreadable', of: 'query' };
    const { failures, pairs } = read([chunk(0), cutOff, query('B', 1)], [chunk(1, 1), chunk(2, 1)]);
    expect(pairs).toEqual([['B', 2]]);
    expect(failures.unpairedRanges.map(({ fromUs }) => fromUs)).toEqual([0, 1]);
  });

  it('tell pairs whose lines lie far apart', () => {
    expect(read([query('A', 0), chunk(1, 61)]).failures.distantPairs).toBe(1);
    expect(read([query('A', 0), chunk(1, 60)]).failures.distantPairs).toBe(0);
  });

  it('are not given the ships of others where more wait than are kept', () => {
    const names = ['A', 'B', 'C', 'D', 'E', 'F'];
    const early = [...names.map((name) => query(name)), chunk(1), chunk(2), query('G')];
    const late = [3, 4, 5, 6, 7, 8, 9, 10].map((from) => chunk(from));
    const bounds = { ...DEFAULT_BOUNDS, waiting: 4, unpairedRanges: 3 };
    const { failures, pairs } = readWithin(bounds, [...early, ...late]);
    expect(pairs.map(([ship, from]) => `${ship}${from}`)).toEqual(['A1', 'B2', 'C3', 'D4', 'G7']);
    expect(failures).toMatchObject({ count: 7, paired: 5, unpairedFailures: 2, overdue: 2 });
    expect(failures.unpairedRanges.map(({ fromUs }) => fromUs)).toEqual([5, 6, 8]);
    expect(failures.unpairedRangeCount).toBe(5);
  });

  it('may have any number of ships and errors', () => {
    const failures = new LegacyFailures(() => {}, { ...DEFAULT_BOUNDS, ships: 3, errors: 1_000 });
    const add = failures.openFile();
    for (let index = 0; index < 5_000; index++) {
      add({ ...query(`S${index % 5}`), error: `error ${index}` } as LegacyLogEvent);
      add(chunk(index));
    }
    expect(failures).toMatchObject({ count: 5_000, paired: 5_000 });
    expect(failures.errors.mostFirst()).toHaveLength(1_001);
    expect(failures.errors.of('(others)')).toBe(4_000);
    expect(failures.ships.mostFirst()).toEqual([
      ['(others)', 2_000],
      ['S0', 1_000],
      ['S1', 1_000],
      ['S2', 1_000],
    ]);
  });
});
