import type { MigrationProgress } from '../domain/migration-progress.ts';
import { formatCount } from './table.ts';
import type { Progress, ProgressTask } from './progress.ts';

/** A bar per ship; how many cells there are in all is estimated from the chunks that are done. */
export class MigrationBars {
  private readonly progress: Progress;
  private readonly tasks = new Map<string, ProgressTask>();

  constructor(progress: Progress) {
    this.progress = progress;
  }

  show(now: MigrationProgress): void {
    const known = this.tasks.get(now.ship);
    const task = known ?? this.progress.task(now.ship, 0);
    this.tasks.set(now.ship, task);
    const total = estimatedCells(now);
    if (!known || total === 0 || now.phase === 'paused') task.say(stateOf(now), now.percent / 100);
    else task.update(now.cells.read, total);
  }

  note(sentence: string): void {
    this.progress.note(sentence);
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
