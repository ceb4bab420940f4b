import { condition, log, workflowInfo } from '@temporalio/workflow';
import type { Waiting } from '../domain/migration-progress.ts';
import { kindAfter, waitBeforeRetryMs, type MigrationTiming } from '../domain/migration-timing.ts';
import { failureOf, type Failure } from './failure-of.ts';

/** Thrown instead of waiting once more when the history is long enough for a new run. */
export class ContinuationDue extends Error {
  override readonly name = 'ContinuationDue';
}

/** Tries for as long as a failure may pass, and meanwhile says what it waits for and what to type. */
export class Patience {
  readonly waiting = new Map<string, Waiting>();
  private readonly timing: MigrationTiming;
  private readonly onChange: () => void;
  private wakeUps = 0;

  constructor(timing: MigrationTiming, onChange: () => void) {
    this.timing = timing;
    this.onChange = onChange;
  }

  /**
   * @param subject what it is about: a chunk's range, or a step
   * @throws the failure, when waiting does not help; {@link ContinuationDue}
   */
  async untilItWorks<T>(subject: string, attempt: () => Promise<T>): Promise<T> {
    try {
      for (let round = 0; ; round++) {
        try {
          return await attempt();
        } catch (error) {
          await this.waitAfter(error, subject, round);
        }
      }
    } finally {
      if (this.waiting.delete(subject)) this.onChange();
    }
  }

  /** Ends the waits that are under way. */
  tryNow(): void {
    this.wakeUps++;
  }

  private async waitAfter(error: unknown, subject: string, round: number): Promise<void> {
    const failure = this.judge(failureOf(error), subject);
    const waitMs = waitBeforeRetryMs(failure.kind, round, this.timing);
    if (waitMs === undefined) throw error;
    this.show(subject, failure);
    if (workflowInfo().continueAsNewSuggested) throw new ContinuationDue();
    const { wakeUps } = this;
    const summary = `${subject}: tries again`;
    await condition(() => this.wakeUps > wakeUps, waitMs, { summary });
  }

  private judge(failure: Failure, subject: string): Failure {
    const since = this.waiting.get(subject)?.since;
    const waitedMs = since === undefined ? 0 : Date.now() - Date.parse(since);
    return { ...failure, kind: kindAfter(failure, waitedMs, this.timing) };
  }

  private show(subject: string, { kind, code, message, hint }: Failure): void {
    const since = this.waiting.get(subject)?.since ?? new Date().toISOString();
    log.warn('waiting', { subject, kind, code, reason: message, hint });
    this.waiting.set(subject, {
      subject,
      kind,
      code,
      reason: message,
      since,
      ...(hint && { hint }),
    });
    this.onChange();
  }
}
