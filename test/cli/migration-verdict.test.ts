import { expect, test } from 'vitest';
import { worstOf } from '../../cli/migrate-ships.ts';
import { verdictOn } from '../../cli/migration-verdict.ts';
import { requireSame } from '../../cli/start-migration.ts';
import type { ShipReport } from '../../domain/migration.ts';

const report: ShipReport = {
  ship: 'IMO9976903',
  from: '2025-06-15T00:00:00.000Z',
  to: '2025-06-16T00:00:00.000Z',
  phase: 'finished',
  chunks: { total: 12, done: 12, empty: 0, split: 0, failed: 0 },
  cells: { read: 12_000, written: 12_000, nulls: 0, quarantined: 0 },
  foreign: 0,
  seconds: 1,
  cellsPerSecond: 12_000,
  verified: true,
  tables: [],
  quarantine: [],
};

test('a proven migration is right', () => {
  expect(verdictOn(report)).toEqual({ exitCode: 0, sentences: [] });
});

test('failed chunks make it 4, and say how to see them', () => {
  const failed = { ...report, verified: false, chunks: { ...report.chunks, done: 9, failed: 3 } };
  const { exitCode, sentences } = verdictOn(failed);
  expect(exitCode).toBe(4);
  expect(sentences).toEqual([
    'IMO9976903 finished with 3 failed chunks; to see them: fairlead failed IMO9976903',
  ]);
});

test('quarantine is a warning that counts by reason', () => {
  const quarantine = [{ reason: 'two-values', cells: 1_200, excessiveChannels: [] }];
  const { exitCode, sentences } = verdictOn({ ...report, quarantine });
  expect(exitCode).toBe(0);
  expect(sentences).toEqual(['warning: IMO9976903: cells in quarantine: 1,200 two-values']);
});

test('over one per cent of a channel in quarantine makes it 4', () => {
  const quarantine = [{ reason: 'two-values', cells: 900, excessiveChannels: ['/a', '/b'] }];
  expect(verdictOn({ ...report, quarantine }).exitCode).toBe(4);
});

test('of several ships the worst decides', () => {
  expect([worstOf([0, 4, 75]), worstOf([4, 3]), worstOf([75, 0]), worstOf([])]).toEqual([
    4, 3, 75, 0,
  ]);
});

const requested = {
  ship: report.ship,
  from: report.from,
  to: report.to,
  widthMs: 7_200_000,
  redo: false,
};

test('joins with the same range, however it was written', () => {
  const asked = { ...requested, from: '2025-06-15T00:00Z' };
  expect(() => requireSame({ requested }, asked, { from: asked.from })).not.toThrow();
  expect(() => requireSame({ requested }, { ...requested, to: 'now' }, {})).not.toThrow();
});

test.each([{ from: '2025-06-14T00:00Z' }, { to: '2025-06-17T00:00Z' }, { width: 3_600_000 }])(
  'refuses to join with %j, and shows both',
  (typed) => {
    const { width, ...range } = typed as { width?: number };
    const asked = { ...requested, ...range, ...(width && { widthMs: width }) };
    expect(() => requireSame({ requested }, asked, typed)).toThrow(/runs already; asked was/);
  },
);
