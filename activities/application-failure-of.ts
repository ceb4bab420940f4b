import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { FairleadError } from '../domain/errors.ts';
import type { FailureDetail } from '../domain/migration.ts';

/**
 * What Temporal is told of a failure: its code as the type, its kind and hint as details. Whatever does not
 * pass by itself is not retried: the workflow decides.
 */
export function applicationFailureOf(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const failure = asFairleadError(error);
  const isTransient = failure.kind === 'transient' || failure.kind === 'outcome-unknown';
  return ApplicationFailure.create({ ...contentOf(failure), nonRetryable: !isTransient });
}

/**
 * The same for what is tried again for ever, whatever the failure.
 *
 * @param nextRetryDelay in milliseconds
 */
export function retriedFailureOf(error: unknown, nextRetryDelay: number): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const failure = asFairleadError(error);
  const isExpected = failure.kind === 'transient';
  const told = ApplicationFailure.create({
    ...contentOf(failure),
    nextRetryDelay,
    ...(isExpected && { category: ApplicationFailureCategory.BENIGN }),
  });
  // The UI shows it above all else, and no line of ours is to be looked at.
  if (isExpected) told.stack = '';
  return told;
}

function contentOf({ kind, code, hint, message }: FairleadError) {
  const detail: FailureDetail = { kind, ...(hint && { hint: withoutSecrets(hint) }) };
  return { type: code, message: withoutSecrets(message), details: [detail] };
}

export function asFairleadError(error: unknown): FairleadError {
  if (error instanceof FairleadError) return error;
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new FairleadError('unexpected', message, { cause: error });
}

/** Hides the password of every URL in a text. */
const withoutSecrets = (text: string): string =>
  text.replace(/(\w+:\/\/[^\s:/@]*):[^\s@]*@/g, '$1:***@');
