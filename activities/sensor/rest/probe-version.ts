import { FairleadError } from '../../../domain/errors.ts';
import { looksLikeJson, problemOf } from './read-answer.ts';
import type { RestAnswer, RestRequest } from './rest-call.ts';
import { invalidAnswer, refused, type CallSubject } from './rest-failure.ts';

/** Newest first. */
const versions = ['v4.0', 'v3.5.0', 'v3.5', 'v3.0', 'v2.0'] as const;

/**
 * The newest version that the server has. A server that has a version but is not able to answer (400, 500) has it too,
 * where no other one answers.
 *
 * @throws {FairleadError} `rest-refused` when it has none, `rest-answer-invalid` when it talks, and what `call` throws
 */
export async function probeVersion(
  call: (request: RestRequest) => Promise<RestAnswer>,
  subjectOf: (request: RestRequest) => CallSubject,
): Promise<string> {
  let refusing: string | undefined;
  let speaking: (() => Error) | undefined;
  const answers: string[] = [];
  for (const version of versions) {
    const request = { method: 'GET', path: `/${version}/settings/zone` } as const;
    const answer = await call(request);
    if (answer.status === 200 && looksLikeJson(answer.text)) return version;
    answers.push(`${version} ${answer.status}`);
    if (answer.status >= 502) throw refused(subjectOf(request), answer);
    if (answer.status === 400 || answer.status === 500) refusing ??= version;
    if (answer.status === 200) speaking ??= () => noJson(subjectOf(request), answer);
  }
  if (refusing) return refusing;
  throw speaking?.() ?? noVersion(subjectOf({ method: 'GET', path: '/results/health' }), answers);
}

const noJson = (subject: CallSubject, answer: RestAnswer): FairleadError =>
  invalidAnswer(subject, answer, problemOf(answer.text) ?? 'nothing');

const noVersion = ({ server, selector }: CallSubject, answers: readonly string[]): FairleadError =>
  new FairleadError(
    'rest-refused',
    `${server}: knows none of the versions that Fairlead speaks (${answers.join(', ')})`,
    {
      hint: `check that this is the REST port of a SENSR server: fairlead sensr health ${selector}; a newer version is named with --api`,
    },
  );
