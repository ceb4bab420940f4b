/** Who speaks in the error of a failed query: nobody but the client, the server, or the server of its own timeout. */
export type Voice = 'silence' | 'server' | 'statement-timeout';

const SAYS_STATEMENT_TIMEOUT = /statement[ _]timeout/i;
/** Words that only a living server sends. */
const SERVER_SPEAKS =
  /canceling statement|deadlock|does not exist|permission denied|syntax error|out of memory|no space left|terminating connection|could not serialize|violates|duplicate key|too many connections/i;

export function voiceOf(error: string): Voice {
  if (SAYS_STATEMENT_TIMEOUT.test(error)) return 'statement-timeout';
  return SERVER_SPEAKS.test(error) ? 'server' : 'silence';
}
