import type { MigrationProgress } from '../domain/migration-progress.ts';
import type { Progress, ProgressTask } from './progress.ts';

/** A bar per ship; how many cells there are in all is estimated from the chunks that are done. */
export class MigrationBars {
  private readonly progress: Progress;
  private readonly tasks = new Map<string, ProgressTask>();

  constructor(progress: Progress) {
    this.progress = progress;
  }

  show(now: MigrationProgress): void {
    const total = estimatedCells(now);
    if (total === 0) return;
    const task = this.tasks.get(now.ship) ?? this.progress.task(now.ship, total);
    this.tasks.set(now.ship, task);
    task.update(now.cells.read, total);
  }

  note(sentence: string): void {
    this.progress.note(sentence);
  }
}

function estimatedCells({ chunks, cells }: MigrationProgress): number {
  const copied = chunks.done - chunks.proven;
  const left = chunks.total - chunks.done - chunks.empty - chunks.failed;
  return copied <= 0 ? 0 : Math.round(cells.read + (cells.read / copied) * Math.max(0, left));
}
