import { FairleadError } from '../../../domain/errors.ts';
import { looksLikeJson } from './read-answer.ts';
import type { RestAnswer, RestRequest } from './rest-call.ts';
import { refused, type CallSubject } from './rest-failure.ts';

/** Newest first. */
const versions = ['v4.0', 'v3.5.0', 'v3.5', 'v3.0', 'v2.0'] as const;

/**
 * The newest version that the server has. A server that has a version but is not able to answer (400, 500) has it too,
 * where no other one answers.
 *
 * @throws {FairleadError} `rest-refused` when it has none, and what `call` throws
 */
export async function probeVersion(
  call: (request: RestRequest) => Promise<RestAnswer>,
  subjectOf: (request: RestRequest) => CallSubject,
): Promise<string> {
  const refusals: [string, CallSubject, RestAnswer][] = [];
  const answers: string[] = [];
  for (const version of versions) {
    const request = { method: 'GET', path: `/${version}/settings/zone` } as const;
    const answer = await call(request);
    if (answer.status === 200 && looksLikeJson(answer.text)) return version;
    answers.push(`${version} ${answer.status === 200 ? '200 with prose' : answer.status}`);
    if (answer.status >= 502) throw refused(subjectOf(request), answer);
    if (answer.status === 400 || answer.status === 500) {
      refusals.push([version, subjectOf(request), answer]);
    }
  }
  const [first] = refusals;
  if (first) return first[0];
  throw noVersion(subjectOf({ method: 'GET', path: '/results/health' }), answers);
}

const noVersion = ({ server, selector }: CallSubject, answers: readonly string[]): FairleadError =>
  new FairleadError(
    'rest-refused',
    `${server}: knows none of the versions that Fairlead speaks (${answers.join(', ')})`,
    {
      hint: `check that this is the REST port of a SENSR server: fairlead sensr health ${selector}; a newer version is named with --api`,
    },
  );
