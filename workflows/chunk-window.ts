import { condition, workflowInfo } from '@temporalio/workflow';
import type { InstantRange } from '../domain/migration.ts';
import type { MigrationState } from './migration-state.ts';
import { ContinuationDue } from './patience.ts';

/** The chunks in flight: as many as the window has room for, none new while paused. */
export class ChunkWindow {
  private readonly state: MigrationState;
  private readonly settle: (range: InstantRange) => Promise<void>;
  private slots = 0;
  private broken: { error: unknown } | undefined;

  constructor(state: MigrationState, settle: (range: InstantRange) => Promise<void>) {
    this.state = state;
    this.settle = settle;
  }

  /** Returns once the chunk is on its way, without waiting for its end. */
  async start(range: InstantRange): Promise<void> {
    await condition(() => this.broken !== undefined || this.hasRoom);
    this.throwIfBroken();
    if (this.state.patience.waiting.size > 0 && workflowInfo().continueAsNewSuggested)
      throw new ContinuationDue();
    void this.run(range);
  }

  /** @throws what went wrong with a chunk in a way that its own handling does not know */
  async drained(): Promise<void> {
    await condition(() => this.slots === 0);
    this.throwIfBroken();
  }

  /** For the end of a run: nothing is in flight afterwards, whatever came of it. */
  async emptied(): Promise<void> {
    this.state.isEnding = true;
    this.state.patience.tryNow();
    await condition(() => this.slots === 0);
  }

  private get hasRoom(): boolean {
    return !this.state.paused && this.slots < this.state.window;
  }

  private async run(range: InstantRange): Promise<void> {
    this.slots++;
    try {
      await this.settle(range);
    } catch (error) {
      this.broken ??= { error };
    } finally {
      this.slots--;
    }
  }

  private throwIfBroken(): void {
    if (this.broken) throw this.broken.error;
  }
}
