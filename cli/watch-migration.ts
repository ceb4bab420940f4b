import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { FairleadError, kindOfCode, type ErrorCode } from '../domain/errors.ts';
import type { FailureDetail, ShipReport } from '../domain/migration.ts';
import type { MigrationProgress, Waiting } from '../domain/migration-progress.ts';
import type { Names } from '../domain/names.ts';
import { temporalUnreachable, type TemporalClient } from '../workers/temporal-client.ts';
import type { TemporalLocation } from '../workers/temporal-location.ts';
import { progress } from '../workflows/messages.ts';
import {
  askWorkflow,
  isCancelledRun,
  isServerAway,
  isUnknownWorkflow,
  workerAbsent,
} from './ask-workflow.ts';
import { callController } from './call-controller.ts';
import { BUSY_PATIENCE_MS, busySentence, polledOfLate } from './polled-of-late.ts';
import {
  retriedSteps,
  sentenceOfRetry,
  sentenceOfWait,
  type RetriedStep,
} from './retried-steps.ts';
import type { MigrationHandle } from './start-migration.ts';
import { shellWord } from '../domain/shell-word.ts';

const POLL_INTERVAL_MS = 500;
/** Each look is work for a worker: at most so many ships are looked at in a second, however many are watched. */
const LOOKS_PER_SECOND = 20;
/** Two questions without an answer, so that a worker that is only just starting is not missed. */
const WORKER_PATIENCE_MS = 6_000;
const SERVER_PATIENCE_MS = 120_000;
/** How often Temporal is asked what fails and is tried again. */
const RETRIES_EVERY_MS = 4_000;
/** Who never reached the databases so long, and cannot be told by anybody, gives up waiting. */
const FIRST_STEP_PATIENCE_MS = 60_000;

/** How a migration that was watched ended, or that it goes on without us. */
export type Watched =
  | { end: 'finished'; report: ShipReport }
  | { end: 'cancelled'; last: MigrationProgress | undefined }
  | { end: 'failed'; error: FairleadError }
  | { end: 'detached'; last: MigrationProgress | undefined };

export interface Watcher {
  /** Somebody sits there, and can do what the hint says. */
  isTerminal: boolean;
  onProgress: (progress: MigrationProgress) => void;
  note: (sentence: string) => void;
  signal: AbortSignal;
  /** How many migrations are watched just now, this one included. */
  watched: () => number;
}

/**
 * Follows a migration to its end, through restarts of worker and server.
 *
 * @throws {FairleadError} `worker-absent` and what is being waited for, where nobody sits at a terminal;
 *   `temporal-unreachable`, `connection-lost`
 */
export async function watchMigration(
  temporal: TemporalClient,
  names: Names,
  handle: MigrationHandle,
  watcher: Watcher,
): Promise<Watched> {
  const watch = new Watch(temporal, names, handle, watcher);
  const over = callController();
  const result = resultOf(temporal, handle, watcher, over.signal);
  try {
    for (;;) {
      const pause = sleep(lookEveryMs(watcher.watched()), undefined, { signal: watcher.signal });
      const ended = await Promise.race([result, pause.catch(() => undefined)]);
      if (ended) return watch.conclude(ended);
      if (watcher.signal.aborted) return { end: 'detached', last: watch.last };
      await watch.look();
    }
  } finally {
    over.abort();
  }
}

const lookEveryMs = (watched: number): number =>
  Math.max(POLL_INTERVAL_MS, (watched * 1_000) / LOOKS_PER_SECOND);

const pausedSentence = (ship: string): string =>
  `${ship} is paused; to go on: fairlead resume ${shellWord(ship)}`;

/** What one look after the other has shown. */
class Watch {
  last: MigrationProgress | undefined;
  private readonly temporal: TemporalClient;
  private readonly names: Names;
  private readonly handle: MigrationHandle;
  private readonly watcher: Watcher;
  private silentSince: number | undefined;
  private retriesAskedAt = Date.now();
  private failingSince: number | undefined;
  private readonly said = new Set<string>();

  constructor(temporal: TemporalClient, names: Names, handle: MigrationHandle, watcher: Watcher) {
    this.temporal = temporal;
    this.names = names;
    this.handle = handle;
    this.watcher = watcher;
  }

  async look(): Promise<void> {
    this.silentSince ??= Date.now();
    const reply = await askWorkflow(this.temporal, this.handle, progress);
    if ('answer' in reply) {
      this.show(reply.answer);
      return this.lookAtRetries(reply.answer);
    }
    if (reply.silence === 'no server' || Date.now() - this.silentSince < WORKER_PATIENCE_MS) return;
    const mayAnswer = !this.last && Date.now() - this.silentSince < BUSY_PATIENCE_MS;
    if (mayAnswer && (await polledOfLate(this.temporal, this.names.taskQueue)))
      return this.sayOnce(busySentence(this.names));
    const absent = workerAbsent(this.names, this.temporal);
    if (!this.watcher.isTerminal && !this.last) throw absent;
    this.sayOnce(`${absent.message} → ${absent.hint}`);
  }

  /** Says what the plan remarked, also of a migration that was over before the first look at it. */
  conclude(ended: Watched): Watched {
    if (ended.end === 'finished') this.sayRemarks(ended.report);
    return ended.end === 'cancelled' ? { ...ended, last: this.last } : ended;
  }

  private sayRemarks({ ship, remarks = [] }: Pick<ShipReport, 'ship' | 'remarks'>): void {
    for (const remark of remarks) this.sayOnce(`${ship}: ${remark}`);
  }

  private show(now: MigrationProgress): void {
    this.silentSince = undefined;
    this.last = now;
    this.watcher.onProgress(now);
    if (now.phase !== 'paused') this.said.delete(pausedSentence(now.ship));
    else this.sayOnce(pausedSentence(now.ship));
    this.sayRemarks(now);
    for (const waiting of now.waiting) this.tell(now.ship, waiting);
  }

  /** The workflow hears of a failing step only when Temporal's own attempts are used up. */
  private async lookAtRetries({ ship, phase, waiting }: MigrationProgress): Promise<void> {
    if (Date.now() - this.retriesAskedAt < RETRIES_EVERY_MS || waiting.length > 0) return;
    this.retriesAskedAt = Date.now();
    const description = await this.handle.describe().catch(() => undefined);
    const { location } = this.temporal;
    const retried = description ? retriedSteps(description, location) : [];
    for (const step of retried) this.sayOnce(sentenceOfRetry(ship, step));
    this.failingSince = retried.length > 0 ? (this.failingSince ?? Date.now()) : undefined;
    if (phase === 'planning' && retried[0]) this.mayGiveUp(ship, retried[0]);
  }

  private mayGiveUp(ship: string, { code, reason, hint }: RetriedStep): void {
    const failsForMs = Date.now() - (this.failingSince ?? Date.now());
    if (this.watcher.isTerminal || failsForMs < FIRST_STEP_PATIENCE_MS) return;
    throw new FairleadError(codeOf(code), `${ship}: ${reason}`, { hint: goesOn(ship, hint) });
  }

  private tell(ship: string, wait: Waiting): void {
    const { code, kind, reason, hint } = wait;
    if (kind === 'operator' && !this.watcher.isTerminal)
      throw new FairleadError(codeOf(code), `${ship}: ${reason}`, {
        hint: goesOn(ship, hint),
      });
    this.sayOnce(sentenceOfWait(ship, wait));
  }

  private sayOnce(sentence: string): void {
    if (this.said.has(sentence)) return;
    this.said.add(sentence);
    this.watcher.note(sentence);
  }
}

const goesOn = (ship: string, hint = 'remove the cause'): string =>
  `${hint.replace(/[.;]$/, '')}${hint.includes('\n') ? ';\n' : '; '}the migration waits, and goes on by itself, or at once after: fairlead resume ${shellWord(ship)}`;

async function resultOf(
  { location, connection }: TemporalClient,
  handle: MigrationHandle,
  { note }: Watcher,
  signal: AbortSignal,
): Promise<Watched> {
  let awaySince: number | undefined;
  while (!signal.aborted) {
    try {
      const report = await connection.withAbortSignal(signal, () => handle.result());
      return { end: 'finished', report };
    } catch (error) {
      if (error instanceof WorkflowFailedError) return endOf(error);
      if (!isServerAway(error) && !isUnknownWorkflow(error))
        return { end: 'failed', error: unexpected(error) };
      if (awaySince === undefined) note(absenceOf(error, handle, location));
      awaySince ??= Date.now();
      if (Date.now() - awaySince > SERVER_PATIENCE_MS)
        return { end: 'failed', error: temporalUnreachable(location, error) };
      await sleep(POLL_INTERVAL_MS);
    }
  }
  return { end: 'detached', last: undefined };
}

/** A server that restarts leaves its port free for a moment: another's may answer there in its place. */
const absenceOf = (error: unknown, handle: MigrationHandle, { address }: TemporalLocation) =>
  isUnknownWorkflow(error)
    ? `the Temporal server at ${address} does not know ${handle.workflowId}: it is not the one that started it`
    : `no Temporal server answers at ${address}`;

function endOf(error: WorkflowFailedError): Watched {
  if (isCancelledRun(error)) return { end: 'cancelled', last: undefined };
  return { end: 'failed', error: failureBelow(error.cause) };
}

/** The activity's own failure lies below the workflow's. */
export const failureOfWorkflow = ({ cause }: WorkflowFailedError): FairleadError =>
  failureBelow(cause);

function failureBelow(error: unknown): FairleadError {
  if (!(error instanceof ApplicationFailure))
    return error instanceof Error && error.cause !== undefined
      ? failureBelow(error.cause)
      : unexpected(error);
  const hint = (error.details?.[0] as FailureDetail | undefined)?.hint;
  return new FairleadError(codeOf(error.type ?? ''), error.message, {
    cause: error,
    ...(hint && { hint }),
  });
}

const codeOf = (text: string): ErrorCode =>
  Object.hasOwn(kindOfCode, text) ? (text as ErrorCode) : 'unexpected';

const unexpected = (error: unknown): FairleadError =>
  new FairleadError('unexpected', error instanceof Error ? error.message : String(error), {
    cause: error,
  });
