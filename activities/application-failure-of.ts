import { ApplicationFailure } from '@temporalio/common';
import { FairleadError } from '../domain/errors.ts';
import type { FailureDetail } from '../domain/migration.ts';

/**
 * What Temporal is told of a failure: its code as the type, its kind and hint as details. Whatever does not
 * pass by itself is not retried: the workflow decides.
 */
export function applicationFailureOf(error: unknown): ApplicationFailure {
  if (error instanceof ApplicationFailure) return error;
  const failure = error instanceof FairleadError ? error : unexpected(error);
  const { kind, code, hint } = failure;
  const detail: FailureDetail = { kind, ...(hint && { hint: withoutSecrets(hint) }) };
  return ApplicationFailure.create({
    type: code,
    message: withoutSecrets(failure.message),
    details: [detail],
    nonRetryable: kind !== 'transient' && kind !== 'outcome-unknown',
  });
}

function unexpected(error: unknown): FairleadError {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new FairleadError('unexpected', message, { cause: error });
}

/** Hides the password of every URL in a text. */
const withoutSecrets = (text: string): string =>
  text.replace(/(\w+:\/\/[^\s:/@]*):[^\s@]*@/g, '$1:***@');
