import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openProgress } from '../../cli/progress.ts';
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

describe('a table', () => {
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
