import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openProgress } from '../../cli/progress.ts';
import { MigrationBars } from '../../cli/migration-bars.ts';
import type { MigrationProgress } from '../../domain/migration-progress.ts';
import { renderTable } from '../../cli/table.ts';

function fakeStream(isTTY: boolean) {
  const stream = new PassThrough();
  return Object.assign(stream, { isTTY, columns: 120, rows: 40 }) as unknown as NodeJS.WriteStream &
    PassThrough;
}

const textOf = (stream: PassThrough): string => String(stream.read() ?? '');

describe('progress', () => {
  it('without a terminal is a plain line now and then', () => {
    const stream = fakeStream(false);
    let now = 0;
    using progress = openProgress({ stream, now: () => now });
    const task = progress.task('IMO9976903', 1_000_000, 200_000);
    for (; now < 15_000; now += 1_000) task.update(200_000 + now * 20);
    expect(textOf(stream)).toBe(
      'IMO9976903: 40 % · 400,000 of 1,000,000 cells · 20,000 cells/s · 30s left\n',
    );
  });

  it('of a share says no count and no rate', () => {
    const stream = fakeStream(false);
    let now = 0;
    using progress = openProgress({ unit: '%', stream, now: () => now });
    const task = progress.task('IMO9976903', 100);
    now = 10_000;
    task.update(1);
    expect(textOf(stream)).toBe('IMO9976903: 1 % · 16m 30s left\n');
  });

  it('on a terminal is a bar with rate and time left', () => {
    const stream = fakeStream(true);
    let now = 0;
    const progress = openProgress({ stream, now: () => now });
    const task = progress.task('IMO9976903', 100);
    now = 1_000;
    task.update(50, 200);
    progress[Symbol.dispose]();
    expect(textOf(stream)).toContain('25 % · 50 of 200 cells · 50 cells/s · 3s left');
  });
});

describe('the progress of a migration', () => {
  const look: MigrationProgress = {
    ship: 'IMO9976903',
    phase: 'paused',
    waiting: [],
    to: '2025-06-16T00:00:00.000Z',
    widthMs: 7_200_000,
    chunks: { total: 12, done: 0, empty: 4, split: 0, failed: 0, inFlight: 0, proven: 0 },
    inFlight: [],
    cells: { read: 0, written: 0, nulls: 0, quarantined: 0 },
    foreign: 0,
    percent: 33,
    window: 2,
    cellsPerSecond: 0,
    tables: [],
    remarks: [],
  };

  it('has a line without any cell too, and takes no cells for quick that were there before', () => {
    const stream = fakeStream(false);
    let now = 0;
    using progress = openProgress({ stream, everyMs: 0, now: () => now });
    const bars = new MigrationBars(progress);
    bars.show(look);
    const copying = { ...look, phase: 'copying' as const };
    const at = (done: number, read: number) =>
      bars.show({
        ...copying,
        chunks: { ...look.chunks, done },
        cells: { ...look.cells, read },
      });
    at(4, 4_000);
    now = 1_000;
    at(5, 5_000);
    expect(textOf(stream).trim().split('\n')).toEqual([
      'IMO9976903: paused · 4 of 12 chunks',
      'IMO9976903: 50 % · 4,000 of 8,000 cells',
      'IMO9976903: 62 % · 5,000 of 8,000 cells · 1,000 cells/s · 3s left',
    ]);
  });
});

describe('a table', () => {
  const wide = [{ title: 'ship' }, { title: 'cells', align: 'right' as const }, { title: 'time' }];
  const row = ['IMO9976903', 3_029_760, '3.7s'];

  it('is set closer on a terminal that is too narrow by a little', () => {
    expect(renderTable(wide, [row], 25)).toBe(
      'ship           cells time\nIMO9976903 3,029,760 3.7s',
    );
  });

  it('becomes a block of lines per row on a narrow terminal', () => {
    expect(renderTable(wide, [row], 20)).toBe('IMO9976903\n  cells  3,029,760\n  time   3.7s');
  });

  it('has titles and aligned columns, and no lines', () => {
    const columns = [{ title: 'ship' }, { title: 'cells', align: 'right' as const }];
    expect(
      renderTable(columns, [
        ['IMO9976903', 3_029_760],
        ['IMO9074729', 12],
      ]).split('\n'),
    ).toEqual(['ship            cells', 'IMO9976903  3,029,760', 'IMO9074729         12']);
  });
});
