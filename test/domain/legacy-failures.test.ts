import { describe, expect, it } from 'vitest';
import { LegacyFailures } from '../../domain/legacy-failures.ts';
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

function read(...files: LegacyLogEvent[][]): LegacyFailures {
  const failures = new LegacyFailures();
  for (const events of files) {
    const file = failures.openFile();
    for (const event of events) file.add(event);
    file.end();
  }
  failures.joinFiles();
  return failures;
}

const pairs = (failures: LegacyFailures) =>
  Array.from(failures, ({ ship, range }) => [ship, range?.fromUs]);

describe('failures of the old pipeline', () => {
  it('are paired first in, first out', () => {
    const failures = read([query('A'), query('B'), chunk(1), query('C'), chunk(2), chunk(3)]);
    expect(pairs(failures)).toEqual([
      ['A', 1],
      ['B', 2],
      ['C', 3],
    ]);
    expect(failures).toMatchObject({ unpairedFailures: 0, unpairedRanges: [], distantPairs: 0 });
  });

  it('are counted where either line is missing', () => {
    const failures = read([chunk(1), query('A'), chunk(2), chunk(3), query('B')]);
    expect(pairs(failures)).toEqual([
      ['A', 2],
      ['B', undefined],
    ]);
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
        ['B', undefined],
        ['C', 3],
      ],
      [],
    ],
  ] as const)('keep their ranges when an unreadable %s stands among them', (of, expected, left) => {
    const lost: LegacyLogEvent = { kind: 'unreadable', of };
    const second = of === 'query' ? [lost, chunk(2)] : [query('B'), lost];
    const failures = read([query('A'), second[0]!, query('C'), chunk(1), second[1]!, chunk(3)]);
    expect(pairs(failures)).toEqual(expected);
    expect(failures.unpairedRanges.map(({ fromUs }) => fromUs)).toEqual(left);
    expect(failures.unreadableLines).toBe(1);
  });

  it('keep to their file', () => {
    const failures = read([query('A')], [query('B', 3_600), chunk(2, 3_600)]);
    expect(pairs(failures)).toEqual([
      ['A', undefined],
      ['B', 2],
    ]);
  });

  it('are paired across the rotation of a log, whatever the order of the files', () => {
    const older = [query('A', 0), chunk(1, 0), query('B', 100), query('C', 100)];
    const newer = [chunk(2, 100), chunk(3, 101), query('D', 200), chunk(4, 200)];
    const expected = [
      ['A', 1],
      ['B', 2],
      ['C', 3],
      ['D', 4],
    ];
    expect(pairs(read(older, newer))).toEqual(expected);
    expect(pairs(read(newer, older))).toEqual([expected[3], ...expected.slice(0, 3)]);
  });

  it('tell pairs whose lines lie far apart', () => {
    expect(read([query('A', 0), chunk(1, 61)]).distantPairs).toBe(1);
    expect(read([query('A', 0), chunk(1, 60)]).distantPairs).toBe(0);
  });

  it('may be many, with any number of different errors', () => {
    const failures = new LegacyFailures();
    const { add, end } = failures.openFile();
    for (let index = 0; index < 5_000; index++) {
      add({ ...query(`S${index % 3}`), error: `error ${index}` } as LegacyLogEvent);
      add(chunk(index));
    }
    end();
    expect(failures.count).toBe(5_000);
    expect(failures.at(4_999)).toMatchObject({ ship: 'S1', error: '(others)' });
    expect(new Set(Array.from(failures, ({ error }) => error)).size).toBe(1_001);
  });
});
