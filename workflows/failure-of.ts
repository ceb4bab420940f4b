import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import { TimeoutType } from '@temporalio/common';
import type { FailureKind } from '../domain/errors.ts';
import type { CopyChunkHeartbeat, FailureDetail } from '../domain/migration.ts';

export interface Failure {
  kind: FailureKind;
  code: string;
  message: string;
  hint?: string;
}

/** A chunk whose last heartbeat saw a byte so lately was moving when its time ran out. */
const FLOWING_SECONDS = 30;

/**
 * Tells what an activity's failure means for the workflow.
 *
 * @throws the error itself when it is a cancellation, or no failure of an activity
 */
export function failureOf(error: unknown): Failure {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  if (error.cause instanceof TimeoutFailure) return failureOfTimeout(error.cause);
  if (error.cause instanceof ApplicationFailure) return failureOfApplication(error.cause);
  return lostWorker(error.cause?.message ?? error.message);
}

function failureOfApplication({ type, message, details }: ApplicationFailure): Failure {
  const detail = details?.[0] as FailureDetail | undefined;
  if (!detail?.kind) return lostWorker(message);
  const { kind, hint } = detail;
  return { kind: kind as FailureKind, code: type ?? 'unexpected', message, ...(hint && { hint }) };
}

/** A heartbeat timeout is a lost worker, never a reason to split. */
function failureOfTimeout({ timeoutType, lastHeartbeatDetails }: TimeoutFailure): Failure {
  const last = lastHeartbeatDetails as CopyChunkHeartbeat | undefined;
  const wasMoving = last && last.bytes > 0 && last.silentSeconds < FLOWING_SECONDS;
  if (timeoutType !== TimeoutType.START_TO_CLOSE || !wasMoving)
    return lostWorker(`no answer from the worker (${timeoutType})`);
  const message = `the time for one chunk ran out after ${last.cells} cells, while bytes still flowed`;
  return { kind: 'too-big', code: 'chunk-too-big', message };
}

const lostWorker = (message: string): Failure => ({
  kind: 'transient',
  code: 'worker-lost',
  message,
});
