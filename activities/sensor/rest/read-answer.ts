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
 * @throws {FairleadError} `rest-answer-invalid` when a web server answers with a page
 */
export function readWords(subject: CallSubject, answer: RestAnswer): string {
  if (answer.text.trimStart().startsWith('<')) throw invalidAnswer(subject, answer, 'a web page');
  const { value } = parseAnswer(answer.text);
  return typeof value === 'string' ? value : answer.text.trim();
}

export function looksLikeJson(text: string): boolean {
  const { problem, value } = parseAnswer(text);
  return problem === undefined && value !== undefined;
}

/**
 * All of the answer came. Where the server did not mark its end, half a document tells itself.
 */
export function isWhole({ text, endMarked }: RestAnswer): boolean {
  return endMarked || parseAnswer(text).problem !== 'broken JSON';
}
