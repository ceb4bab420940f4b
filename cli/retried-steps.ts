import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { FailureDetail } from '../domain/migration.ts';
import type { Waiting } from '../domain/migration-progress.ts';
import { readPayload } from '../workers/payload-cipher.ts';
import type { TemporalLocation } from '../workers/temporal-location.ts';

/** A step that failed and that Temporal tries again by itself; the workflow does not know of it yet. */
export interface RetriedStep {
  /** `plan`, or `copy 2025-06-15T02:00:00.000Z …`. */
  step: string;
  /** An error's code, where our own activity failed. */
  code: string;
  reason: string;
  hint: string | undefined;
}

type PendingActivity = NonNullable<
  WorkflowExecutionDescription['raw']['pendingActivities']
>[number];

/** What Temporal tells of failing steps, also while no worker runs. */
export const retriedSteps = (
  { raw }: Pick<WorkflowExecutionDescription, 'raw'>,
  location: TemporalLocation,
): RetriedStep[] =>
  (raw.pendingActivities ?? []).flatMap((activity) => retriedStep(activity, location));

function retriedStep(
  { activityId, lastFailure }: PendingActivity,
  location: TemporalLocation,
): RetriedStep[] {
  if (!lastFailure?.message) return [];
  const { type, details } = lastFailure.applicationFailureInfo ?? {};
  const [payload] = details?.payloads ?? [];
  const detail = payload && (readPayload(payload, location) as FailureDetail);
  return [
    { step: activityId ?? '', code: type ?? '', reason: lastFailure.message, hint: detail?.hint },
  ];
}

export const sentenceOfRetry = (ship: string, { step, reason, hint }: RetriedStep): string =>
  `${ship} tries again (${step}): ${reason}${hint ? ` → ${hint}` : ''}`;

/** Of what the workflow itself waits for. */
export const sentenceOfWait = (ship: string, { subject, reason, hint }: Waiting): string =>
  `${ship} waits (${subject}): ${reason}${hint ? ` → ${hint}` : ''}`;
