import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TimeoutFailure,
} from '@temporalio/workflow';
import {
  classifyFailure,
  type ActivityTimeout,
  type Judgement,
} from '../domain/classify-failure.ts';
import type { ErrorCode, FailureKind } from '../domain/errors.ts';
import type { CopyChunkHeartbeat, FailureDetail } from '../domain/migration.ts';

export interface Failure extends Judgement {
  message: string;
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
  const code = (type ?? 'unexpected') as ErrorCode;
  return { kind: kind as FailureKind, code, message, ...(hint && { hint }) };
}

function failureOfTimeout({ timeoutType, lastHeartbeatDetails }: TimeoutFailure): Failure {
  const last = lastHeartbeatDetails as CopyChunkHeartbeat | undefined;
  const bytesFlowed = last !== undefined && last.bytes > 0 && last.silentSeconds < FLOWING_SECONDS;
  const judgement = classifyFailure({ timeout: timeoutType as ActivityTimeout, bytesFlowed });
  const message =
    judgement.kind === 'too-big'
      ? `the time for one chunk ran out after ${last?.cells} cells, while bytes still flowed`
      : `no answer from the worker (${timeoutType})`;
  return { ...judgement, message };
}

/** Whatever else ends an activity: it is not known there, its worker shut down, … */
const lostWorker = (message: string): Failure => ({
  ...classifyFailure({ timeout: 'HEARTBEAT' }),
  message,
});
