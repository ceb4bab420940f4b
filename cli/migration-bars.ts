import { formatCount } from '../domain/format-figures.ts';
import type { ShipReport } from '../domain/migration.ts';
import type { MigrationProgress } from '../domain/migration-progress.ts';
import type { Progress, ProgressTask } from './progress.ts';

/** A bar per ship; how many cells there are in all is estimated from the chunks that are done. */
export class MigrationBars {
  private readonly progress: Progress;
  private readonly tasks = new Map<string, ProgressTask>();
  /** Ships that were looked at before: what they had by then tells nothing about the rate. */
  private readonly moving = new Set<string>();

  constructor(progress: Progress) {
    this.progress = progress;
  }

  begin(ship: string): void {
    this.taskOf(ship).say('starting', 0);
  }

  show(now: MigrationProgress): void {
    const task = this.taskOf(now.ship);
    const total = estimatedCells(now);
    if (!this.moving.has(now.ship) || total === 0 || now.phase === 'paused')
      task.say(stateOf(now), now.percent / 100);
    else task.update(now.cells.read, total);
    this.moving.add(now.ship);
  }

  finish({ ship, cells }: ShipReport): void {
    this.taskOf(ship).say(`finished · ${formatCount(cells.read)} cells`, 1);
  }

  note(sentence: string): void {
    this.progress.note(sentence);
  }

  private taskOf(ship: string): ProgressTask {
    const task = this.tasks.get(ship) ?? this.progress.task(ship, 0);
    this.tasks.set(ship, task);
    return task;
  }
}

/** Where there is no cell to count, or none that moves. */
function stateOf({ phase, chunks }: MigrationProgress): string {
  const settled = chunks.done + chunks.empty + chunks.failed;
  const ofAll = `${formatCount(settled)} of ${formatCount(chunks.total)} chunks`;
  return chunks.total === 0 ? phase : `${phase} · ${ofAll}`;
}

function estimatedCells({ chunks, cells }: MigrationProgress): number {
  const copied = chunks.done - chunks.proven;
  const left = chunks.total - chunks.done - chunks.empty - chunks.failed;
  return copied <= 0 ? 0 : Math.round(cells.read + (cells.read / copied) * Math.max(0, left));
}
