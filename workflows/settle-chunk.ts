import { condition, log, patched, workflowInfo } from '@temporalio/workflow';
import type { ChunkFailure, ChunkProof, InstantRange, ShipPlan } from '../domain/migration.ts';
import { rangeTitle } from '../domain/migration-progress.ts';
import type { ActivitiesOfMigration } from './activities-for.ts';
import { failureOf, type Failure } from './failure-of.ts';
import type { MigrationState } from './migration-state.ts';
import { ContinuationDue } from './patience.ts';

/** Histories from before this was so have chunks of the planned width after a split, and do not look between parts. */
const BEGINS_NARROWER = 'chunks-begin-narrower';

/** Brings one chunk to its end: proven, split and its parts settled, or in the ledger as failed. */
export class ChunkSettlement {
  private readonly state: MigrationState;
  private readonly plan: ShipPlan;
  private readonly activities: ActivitiesOfMigration;

  constructor(state: MigrationState, plan: ShipPlan, activities: ActivitiesOfMigration) {
    this.state = state;
    this.plan = plan;
    this.activities = activities;
  }

  /** Begins narrower than the chunk is when chunks of its width are too big of late. */
  settle(range: InstantRange): Promise<void> {
    const halves = this.state.halvesToBeginWith(range);
    const beginsNarrower = halves.length > 0 && patched(BEGINS_NARROWER);
    return beginsNarrower ? this.settleAs(halves, range) : this.settleWhole(range);
  }

  private async settleAs(halves: InstantRange[], range: InstantRange): Promise<void> {
    this.state.becomes(range, halves);
    for (const half of halves) await this.settlePart(half);
  }

  private async settleWhole(range: InstantRange): Promise<void> {
    this.state.started(range);
    try {
      this.state.proven(await this.copy(range));
    } catch (error) {
      if (error instanceof ContinuationDue) throw error;
      await this.settleOtherwise(range, failureOf(error));
    } finally {
      this.state.landed(range);
    }
  }

  private async copy(range: InstantRange): Promise<ChunkProof> {
    const { ship, installation, startedAt, redo, repair } = this.plan;
    const title = rangeTitle(range);
    const options = { summary: title, activityId: this.activityId('copy', range) };
    return this.state.patience.untilItWorks(title, () =>
      this.activities.chunks.copyChunk.executeWithOptions(options, [
        { ...range, ship, installation, startedAt, redo, ...(repair && { repair }) },
      ]),
    );
  }

  private async settleOtherwise(range: InstantRange, failure: Failure): Promise<void> {
    const parts = failure.kind === 'too-big' ? await this.split(range, failure) : [];
    if (!Array.isArray(parts)) return this.state.proven(parts);
    if (parts.length === 0) return this.giveUp(range, failure);
    log.warn('chunk split', { ...range, reason: failure.message, parts: parts.length });
    this.state.wasSplit(range, parts);
    for (const part of parts) await this.settlePart(part);
  }

  private settlePart(part: InstantRange): Promise<void> {
    if (!patched(BEGINS_NARROWER)) return this.settle(part);
    return this.mayGoOn().then(() => this.settle(part));
  }

  /** A pause holds the parts of a chunk, too; a run that ends, or is long enough, leaves them to the next one. */
  private async mayGoOn(): Promise<void> {
    await condition(() => !this.state.paused || this.state.isEnding);
    if (this.state.isEnding || workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
  }

  /** @returns no parts when the chunk cannot be split further; its proof when an attempt that was given up has committed */
  private async split(range: InstantRange, failure: Failure): Promise<InstantRange[] | ChunkProof> {
    const title = `${rangeTitle(range)} split`;
    const input = this.chunkFailure(range, failure);
    try {
      return await this.state.patience.untilItWorks(title, () =>
        this.activities.steps.splitChunk.executeWithOptions(
          { summary: title, activityId: this.activityId('split', range) },
          [input],
        ),
      );
    } catch (error) {
      if (error instanceof ContinuationDue || failureOf(error).kind !== 'data') throw error;
      return [];
    }
  }

  private async giveUp(range: InstantRange, failure: Failure): Promise<void> {
    const title = `${rangeTitle(range)} failed`;
    const input = this.chunkFailure(range, failure);
    const proof = await this.state.patience.untilItWorks(title, () =>
      this.activities.steps.recordFailure.executeWithOptions(
        { summary: title, activityId: this.activityId('fail', range) },
        [input],
      ),
    );
    if (proof) return this.state.proven(proof);
    log.error('chunk failed', { ...range, kind: failure.kind, reason: failure.message });
    this.state.failed(range);
  }

  private chunkFailure(range: InstantRange, { message, code }: Failure): ChunkFailure {
    const { ship, startedAt, redo } = this.plan;
    return { ...range, ship, message, code, startedAt, redo };
  }

  private activityId(verb: string, { from, to }: InstantRange): string {
    return `${verb} ${from} ${to}`;
  }
}
