import { FairleadError } from '../../../domain/errors.ts';
import {
  tlsFailureInWords,
  tlsFaultOf,
  type TlsError,
  type TlsFault,
} from '../../../domain/tls-failure.ts';
import { lookWords, mayRepeat, type RestAnswer, type RestRequest } from './rest-call.ts';

/** Where and what: the beginning of each message, and the flags for what is to be typed next. */
export interface CallSubject {
  /** Host and port. */
  server: string;
  /** `--sensor pier-3`, or `--base http://…`. */
  selector: string;
  request: RestRequest;
  /** As it was sent. */
  target: string;
}

type Fate =
  | 'not-sent'
  | 'broken-off'
  | 'closed'
  | 'not-http'
  | 'not-tls'
  | 'not-trusted'
  | 'client-refused'
  | 'certificate-wrong'
  | 'too-long';

const fateOfTls: Record<TlsFault, Fate> = {
  untrusted: 'not-trusted',
  dates: 'certificate-wrong',
  name: 'certificate-wrong',
  client: 'client-refused',
  'own-files': 'client-refused',
  'no-tls': 'not-tls',
};

const fates: Record<string, [Fate, string]> = {
  ECONNREFUSED: ['not-sent', 'the connection was refused: nothing listens there'],
  ENOTFOUND: ['not-sent', 'the host name is unknown'],
  EAI_AGAIN: ['not-sent', 'the host name could not be looked up'],
  EHOSTUNREACH: ['not-sent', 'the host cannot be reached'],
  EHOSTDOWN: ['not-sent', 'the host is down'],
  ENETUNREACH: ['not-sent', 'the network cannot be reached'],
  ENETDOWN: ['not-sent', 'the network is down'],
  ETIMEDOUT: ['not-sent', 'the connection timed out'],
  EMFILE: ['not-sent', 'this process has no file descriptor left'],
  UND_ERR_CONNECT_TIMEOUT: ['not-sent', 'no connection within 5 s'],
  ECONNRESET: ['broken-off', 'the server broke the connection off'],
  EPIPE: ['broken-off', 'the server broke the connection off'],
  UND_ERR_SOCKET: ['broken-off', 'the server ended the connection before its answer was whole'],
  UND_ERR_HEADERS_TIMEOUT: ['broken-off', 'the server took the call, and no answer came in time'],
  UND_ERR_BODY_TIMEOUT: ['broken-off', 'the answer stopped half-way'],
  UND_ERR_DESTROYED: ['closed', 'the call was broken off from this side'],
  UND_ERR_CLOSED: ['closed', 'the call was broken off from this side'],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: ['too-long', 'the answer is longer than 16 MiB'],
  UND_ERR_HEADERS_OVERFLOW: ['not-http', 'the headers of the answer are too long'],
};

/** The answer comes, a little at a time, for longer than any real one. */
export class AnswerTooSlow extends Error {
  readonly code = 'answer-too-slow';
}

function fateOf(error: unknown): [Fate, string] {
  const {
    code,
    name: kind,
    message,
  } = error as { code?: unknown; name?: string; message?: string };
  const name = typeof code === 'string' ? code : '';
  const known = fates[name];
  if (known) return known;
  if (error instanceof AnswerTooSlow) return ['broken-off', error.message];
  if (kind === 'HTTPParserError') return ['not-http', 'what answers is no HTTP server'];
  const fault = tlsFaultOf(error as TlsError);
  if (fault) return [fateOfTls[fault], tlsFailureInWords(error as TlsError, 'the server')!];
  return ['broken-off', `the call failed (${name || (message ?? 'unknown error')})`];
}

/** Another attempt may do better. */
export function isPassing(error: unknown): boolean {
  const [fate] = fateOf(error);
  return (fate === 'not-sent' || fate === 'broken-off') && !(error instanceof AnswerTooSlow);
}

/** In words, for a line about an attempt that is repeated. */
export const reasonOf = (error: unknown): string => fateOf(error)[1];

/** What a call came to that was not answered. */
export function unanswered(subject: CallSubject, error: unknown, attempts: number): FairleadError {
  if (error instanceof FairleadError) return error;
  const [fate, reason] = fateOf(error);
  const sentence = `${nameOf(subject)}: ${reason}${triesOf(attempts)}`;
  const fail = (code: FairleadError['code'], message: string, hint: string) =>
    new FairleadError(code, message, { hint, cause: error });
  switch (fate) {
    case 'not-http':
    case 'too-long':
      return fail(
        'rest-answer-invalid',
        sentence,
        'check that this is the address of its REST port, usually 9080',
      );
    case 'not-tls':
      return fail('rest-refused', sentence, 'write http:// instead of https:// in its address');
    case 'not-trusted':
      return fail(
        'rest-refused',
        sentence,
        'name the file of its certificates with --ca, or as `ca` of the sensor',
      );
    case 'certificate-wrong':
      return fail(
        'rest-refused',
        sentence,
        'give the server another certificate, or write a name that it is for into its address',
      );
    case 'client-refused':
      return fail(
        'rest-refused',
        sentence,
        'name a certificate that the server accepts with --cert and --key, or as cert and key of the sensor',
      );
    case 'closed':
      return fail('interrupted', sentence, 'repeat the command when you like');
    case 'not-sent':
      return fail(
        'rest-unreachable',
        `${sentence}; nothing was sent`,
        'check the address, and that the sensor server runs; then repeat the command',
      );
    case 'broken-off':
      if (mayRepeat(subject.request)) {
        return fail(
          'rest-unreachable',
          sentence,
          'look at the sensor server; then repeat the command',
        );
      }
      return outcomeUnknown(subject, sentence, error);
    default:
      return fate satisfies never;
  }
}

/** An answer that is not 2xx. */
export function refused(subject: CallSubject, answer: RestAnswer): FairleadError {
  const { status, attempts } = answer;
  const said = answer.text.trim() === '' ? '' : `: ${excerptOf(answer.text)}`;
  const sentence = `${nameOf(subject)}: answered ${status}${triesOf(attempts)}${said}`;
  const isGateway = status === 502 || status === 503 || status === 504;
  if (isGateway && !mayRepeat(subject.request)) return outcomeUnknown(subject, sentence);
  if (status >= 500 && mayRepeat(subject.request)) {
    return new FairleadError('rest-unwell', sentence, {
      hint: 'look at the sensor server itself, and its log; then repeat the command',
    });
  }
  return new FairleadError('rest-refused', sentence, { hint: hintOfRefusal(subject, status) });
}

/** An answer with 200 that is not what was asked for. */
export function invalidAnswer(
  subject: CallSubject,
  answer: RestAnswer,
  problem: string,
): FairleadError {
  const message = `${nameOf(subject)}: answered ${answer.status} with ${problem}: ${excerptOf(answer.text)}`;
  const hint = mayRepeat(subject.request)
    ? 'read what the server says; if it is a web page, check that this is the address of its REST port, usually 9080'
    : `it may have happened; look before you repeat it: ${lookOf(subject)}`;
  return new FairleadError('rest-answer-invalid', message, { hint });
}

const outcomeUnknown = (subject: CallSubject, sentence: string, cause?: unknown): FairleadError =>
  new FairleadError('rest-outcome-unknown', `${sentence}; it may have happened nevertheless`, {
    hint: `look before you repeat it: ${lookOf(subject)}`,
    cause,
  });

function hintOfRefusal(subject: CallSubject, status: number): string {
  const look = lookOf(subject);
  if (status === 404) return `${look} shows what there is`;
  if (status >= 500)
    return `the server will answer the same again; read what it says, and look: ${look}`;
  return `read what the server says, and look: ${look}`;
}

const lookOf = ({ request, selector }: CallSubject): string =>
  `fairlead sensr ${lookWords(request)} ${selector}`;

const triesOf = (attempts: number): string => (attempts > 1 ? ` (${attempts} attempts)` : '');

const nameOf = ({ server, request, target }: CallSubject): string =>
  `${server}: ${request.method} ${target}`;

const EXCERPT_BYTES = 200;

/** The first bytes of an answer, quoted, so that no terminal obeys them. */
export function excerptOf(text: string): string {
  const bytes = Buffer.from(text);
  const head = bytes
    .subarray(0, EXCERPT_BYTES)
    .toString()
    .replace(/\uFFFD$/, '');
  const rest = bytes.length > EXCERPT_BYTES ? ` … (${bytes.length} bytes)` : '';
  return `${JSON.stringify(head)}${rest}`;
}
