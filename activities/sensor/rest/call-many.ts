import { FairleadError } from '../../../domain/errors.ts';
import { isWhole } from './read-answer.ts';
import type { RestAnswer, RestRequest } from './rest-call.ts';
import type { SensrClient } from './sensr-client.ts';

export interface CallTally {
  /** That were made; fewer than asked for where none was answered any more. */
  calls: number;
  /** Answered with 200 and a whole body. */
  good: number;
  /** Calls by the status of their last answer. */
  statuses: Record<string, number>;
  /** Calls without an answer, by the code of the failure. */
  failures: Record<string, number>;
  /** With 200, but half a body. */
  notWhole: number;
  /** Attempts beyond the first of each call. */
  retries: number;
  /** Of the answered ones: one number each, in the order in which they came. */
  milliseconds: number[];
  lastAnswer?: RestAnswer;
  firstFailure?: FairleadError;
}

/** After so many in a row without an answer the rest is not tried. */
const MOST_UNANSWERED = 20;

/** Makes a call so many times, up to `concurrency` at once; the client's 20 connections carry them. */
export async function callMany(
  client: SensrClient,
  request: RestRequest,
  { count, concurrency, signal, onCalled }: CallManyOptions,
): Promise<CallTally> {
  const tally: CallTally = {
    calls: 0,
    good: 0,
    statuses: {},
    failures: {},
    notWhole: 0,
    retries: 0,
    milliseconds: [],
  };
  let [started, unanswered] = [0, 0];
  const caller = async () => {
    while (started < count && unanswered < MOST_UNANSWERED) {
      started++;
      const isAnswered = await callOnce(client, request, tally, signal);
      unanswered = isAnswered ? 0 : unanswered + 1;
      onCalled?.(tally);
    }
  };
  await Promise.all(Array.from({ length: Math.min(count, concurrency) }, caller));
  return tally;
}

export interface CallManyOptions {
  count: number;
  concurrency: number;
  signal?: AbortSignal;
  onCalled?: (tally: CallTally) => void;
}

async function callOnce(
  client: SensrClient,
  request: RestRequest,
  tally: CallTally,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    countAnswer(tally, await client.call(request, signal));
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof FairleadError)) throw error;
    tally.calls++;
    tally.firstFailure ??= error;
    tally.failures[error.code] = (tally.failures[error.code] ?? 0) + 1;
    return false;
  }
}

function countAnswer(tally: CallTally, answer: RestAnswer): void {
  const { status, attempts, seconds } = answer;
  tally.calls++;
  tally.retries += attempts - 1;
  tally.lastAnswer = answer;
  tally.milliseconds.push(seconds * 1_000);
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  if (status !== 200) return;
  if (isWhole(answer)) tally.good++;
  else tally.notWhole++;
}
