import type { z } from 'zod';
import type { RestAnswer } from './rest-call.ts';
import { invalidAnswer, type CallSubject } from './rest-failure.ts';

/**
 * @returns what the answer says, checked; `undefined` to the schema where it is empty
 * @throws {FairleadError} `rest-answer-invalid`, with its first 200 bytes
 */
export function readAnswer<T>(subject: CallSubject, answer: RestAnswer, schema: z.ZodType<T>): T {
  const parsed = parseAnswer(answer.text);
  if (parsed.problem !== undefined) throw invalidAnswer(subject, answer, parsed.problem);
  const checked = schema.safeParse(parsed.value);
  if (checked.success) return checked.data;
  const found = parsed.value === undefined ? 'nothing' : 'something else';
  const [fault] = checked.error.issues;
  const place = fault && fault.path.length > 0 ? ` at ${fault.path.join('.')}` : '';
  const detail = fault ? ` (${fault.message}${place})` : '';
  throw invalidAnswer(subject, answer, `${found} where an answer was expected${detail}`);
}

function parseAnswer(text: string): { value?: unknown; problem?: string } {
  const trimmed = text.trim();
  if (trimmed === '') return { value: undefined };
  try {
    return { value: JSON.parse(trimmed) as unknown };
  } catch {
    return { problem: /^[[{"]/.test(trimmed) ? 'broken JSON' : 'prose instead of JSON' };
  }
}

/**
 * What a command answers is meant for people: `Successfully opened "pier".`
 *
 * @throws {FairleadError} `rest-answer-invalid` when it is a web page, or half a document
 */
export function readWords(subject: CallSubject, answer: RestAnswer): string {
  const [first] = answer.text.trimStart();
  if (first === '<') throw invalidAnswer(subject, answer, 'a web page');
  const { value, problem } = parseAnswer(answer.text);
  if (first === '{' && problem !== undefined) throw invalidAnswer(subject, answer, problem);
  return typeof value === 'string' ? value : answer.text.trim();
}

/** Why it is no JSON; undefined where it is some, or empty. */
export const problemOf = (text: string): string | undefined => parseAnswer(text).problem;

export function looksLikeJson(text: string): boolean {
  const { problem, value } = parseAnswer(text);
  return problem === undefined && value !== undefined;
}

/**
 * All of the answer came. Where the server did not mark its end, half a document tells itself.
 */
export function isWhole({ text, endMarked }: RestAnswer): boolean {
  return endMarked || problemOf(text) !== 'broken JSON';
}
