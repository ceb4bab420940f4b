import { describe, expect, it } from 'vitest';
import { doneTwice, noProgress, type Commit } from '../../bench/chaos/judge-commits.ts';

const commit = (atMs: number, fromMs = 0, toMs = 10, ship = 'IMO9976903'): Commit => ({
  ship,
  fromMs,
  toMs,
  atMs,
});

describe('doneTwice', () => {
  it('finds a chunk that was committed, and committed again', () => {
    const [first, again] = [commit(1), commit(3)];
    expect(doneTwice([first, commit(2, 10, 20), again], [])).toEqual([{ first, again }]);
  });

  it('finds a half of what was committed', () => {
    expect(doneTwice([commit(1), commit(2, 5, 10)], [])).toHaveLength(1);
  });

  it('does not count what was asked for in between', () => {
    const redo = { ship: 'IMO9976903', startedAtMs: 2 };
    expect(doneTwice([commit(1), commit(3)], [redo])).toEqual([]);
  });

  it('counts the second commit after one request, and one that was asked for of another ship', () => {
    const redo = { ship: 'IMO9976903', startedAtMs: 2 };
    expect(doneTwice([commit(1), commit(3), commit(4)], [redo])).toHaveLength(1);
    expect(doneTwice([commit(1), commit(3)], [{ ...redo, ship: 'IMO9976915' }])).toHaveLength(1);
  });

  it('keeps ships apart', () => {
    expect(doneTwice([commit(1), commit(2, 0, 10, 'IMO9976915')], [])).toEqual([]);
  });
});

describe('noProgress', () => {
  it('tells the longest time without a commit, and the longest of it without a fault', () => {
    const faults = [{ fromMs: 130, toMs: 170 }];
    expect(noProgress([0, 20, 120, 200], faults)).toEqual({
      longestMs: 100,
      longestQuietMs: 100,
      longestQuiet: { fromMs: 20, toMs: 120 },
    });
  });

  it('takes faults out of the middle of a time', () => {
    const faults = [
      { fromMs: 30, toMs: 60 },
      { fromMs: 50, toMs: 80 },
    ];
    expect(noProgress([0, 100], faults)).toMatchObject({ longestMs: 100, longestQuietMs: 30 });
  });
});
