import type { Pool } from 'undici';
import type { RestAnswer, RestRequest } from './rest-call.ts';
import { AnswerTooSlow } from './rest-failure.ts';

export interface Exchange {
  request: RestRequest;
  target: string;
  /** For the headers, and for each pause in the body. */
  withinMs: number;
  authorization: string | undefined;
  signal: AbortSignal | undefined;
}

/** An answer that trickles keeps no timer from starting again: altogether it may take so many times as long. */
const TRICKLE_FACTOR = 3;

/** One call, sent once, its answer read to the end. */
export async function exchange(
  pool: Pool,
  { request, target, withinMs, authorization, signal }: Exchange,
): Promise<Omit<RestAnswer, 'attempts' | 'seconds'>> {
  using deadline = openDeadline(withinMs * TRICKLE_FACTOR, signal);
  try {
    const { statusCode, headers, body } = await pool.request({
      method: request.method,
      path: target,
      headers: {
        accept: 'application/json',
        ...(request.body !== undefined && { 'content-type': 'application/json' }),
        ...(authorization !== undefined && { authorization }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      headersTimeout: withinMs,
      bodyTimeout: withinMs,
      signal: deadline.signal,
    });
    const endMarked = 'content-length' in headers || 'transfer-encoding' in headers;
    return { status: statusCode, text: await body.text(), endMarked };
  } catch (error) {
    throw deadline.passed ?? error;
  }
}

/** Without `AbortSignal.any`: what it hangs on a signal of months stays there. */
function openDeadline(ms: number, outer: AbortSignal | undefined) {
  const own = new AbortController();
  let passed: AnswerTooSlow | undefined;
  const follow = () => own.abort(outer?.reason);
  const timer = setTimeout(() => {
    passed = new AnswerTooSlow(`the answer was not whole after ${ms / 1_000} s`);
    own.abort(passed);
  }, ms);
  outer?.addEventListener('abort', follow);
  if (outer?.aborted) follow();
  return {
    signal: own.signal,
    get passed() {
      return passed;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', follow);
    },
  };
}
