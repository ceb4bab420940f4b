import { Argument, InvalidArgumentError, type Command } from 'commander';
import { callMany, type CallTally } from '../../activities/sensor/rest/call-many.ts';
import type { RestMethod, RestRequest } from '../../activities/sensor/rest/rest-call.ts';
import { MOST_CONNECTIONS, type SensrClient } from '../../activities/sensor/rest/sensr-client.ts';
import { formatCount } from '../../domain/format-figures.ts';
import { exitCodeOfKind, FairleadError } from '../../domain/errors.ts';
import { addCommand, conclude, note, type Outcome } from '../command.ts';
import { openProgress } from '../progress.ts';
import { BODY_HELP, jsonBody } from './body.ts';
import { addServerOptions, withServer, type ServerOptions } from './choose-server.ts';

interface RequestOptions extends ServerOptions {
  body?: unknown;
  count: number;
  concurrency: number;
}

const methods = ['GET', 'PUT', 'POST', 'DELETE'] as const satisfies RestMethod[];
const MOST_CALLS = 1_000_000;
const MOST_AT_ONCE = 1_000;

/** `fairlead sensr request <method> <path>` */
export function addRequest(sensr: Command): void {
  const command = addCommand(sensr, {
    usage: 'request',
    summary:
      'one raw call, or many; /V/ at the start of the path becomes the version of the server',
    examples: [
      'fairlead sensr request GET /results/health',
      'fairlead sensr request GET /V/settings/zone --base http://sensor.example:9080',
      'fairlead sensr request GET /results/health --count 1000 --concurrency 50',
    ],
  })
    .addArgument(new Argument('<method>', 'of the call').argParser(method))
    .argument('<path>', 'with its query', path)
    .option('--body <json>', BODY_HELP, jsonBody)
    .option('--count <n>', 'so many calls', wholeNumber(MOST_CALLS), 1)
    .option(
      '--concurrency <c>',
      'calls at once, over 20 connections at most',
      wholeNumber(MOST_AT_ONCE),
      1,
    );
  addServerOptions(command).action(
    async (typed: RestMethod, typedPath: string, options: RequestOptions) =>
      conclude(await request({ method: typed, path: typedPath }, options), options),
  );
}

async function request(call: RestRequest, options: RequestOptions): Promise<Outcome> {
  if (call.method === 'GET' && options.body !== undefined) {
    throw new FairleadError('usage-invalid', 'a GET has no body', { hint: 'leave --body out' });
  }
  const whole = 'body' in options ? { ...call, body: options.body } : call;
  if (options.count === 1) {
    return withServer(options, (client, signal) => callOne(client, whole, signal));
  }
  const work = (client: SensrClient, signal: AbortSignal) =>
    callAll(client, whole, options, signal);
  return withServer(options, work, () => {});
}

async function callOne(
  client: SensrClient,
  call: RestRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const startedAt = performance.now();
  const tally = await callMany(client, call, { count: 1, concurrency: 1, signal });
  const { lastAnswer, firstFailure } = tally;
  if (!lastAnswer) throw firstFailure ?? new Error('a call neither succeeded nor failed');
  const { status, seconds, text } = lastAnswer;
  const half = tally.notWhole > 0 ? ', half a body' : '';
  note(`${client.server} answered ${status}${half} in ${(seconds * 1_000).toFixed(1)} ms`);
  return {
    json: { ...documentOf(client, call, tally, performance.now() - startedAt), body: bodyOf(text) },
    text,
    exitCode: tally.good === 1 ? 0 : 4,
  };
}

async function callAll(
  client: SensrClient,
  call: RestRequest,
  { count, concurrency }: RequestOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  using progress = openProgress({ unit: 'calls' });
  const task = progress.task(call.method, count);
  const startedAt = performance.now();
  const onCalled = ({ calls }: CallTally) => task.update(calls);
  const tally = await callMany(client, call, { count, concurrency, signal, onCalled });
  const ms = performance.now() - startedAt;
  return {
    json: documentOf(client, call, tally, ms),
    text: textOf(client, tally, count, ms),
    exitCode: exitCodeOf(tally, count),
  };
}

function exitCodeOf({ good, firstFailure }: CallTally, count: number): number {
  if (good === count) return 0;
  return firstFailure ? exitCodeOfKind[firstFailure.kind] : 4;
}

function documentOf(client: SensrClient, call: RestRequest, tally: CallTally, ms: number) {
  const { calls, good, statuses, failures, notWhole, retries, firstFailure } = tally;
  return {
    server: client.server,
    method: call.method,
    path: call.path,
    calls,
    good,
    statuses,
    failures,
    notWhole,
    retries,
    connections: client.connections,
    seconds: Math.round(ms) / 1_000,
    milliseconds: spreadOf(tally.milliseconds),
    error: firstFailure ? firstFailure.message : null,
  };
}

function textOf(client: SensrClient, tally: CallTally, count: number, ms: number): string {
  const { good, firstFailure } = tally;
  const rate = formatCount(good / (ms / 1_000));
  const lines = [
    `${formatCount(good)} of ${formatCount(count)} calls were answered with 200 and a whole body`,
    `${(ms / 1_000).toFixed(2)} s, ${rate} calls/s, ${formatCount(client.connections)} connections, ${formatCount(tally.retries)} retries`,
  ];
  const spread = spreadOf(tally.milliseconds);
  if (spread) {
    lines.push(
      `ms: min ${spread.min}, mean ${spread.mean}, 99 % within ${spread.p99}, max ${spread.max}`,
    );
  }
  if (client.connections > MOST_CONNECTIONS && good === count) {
    lines.push('the server closes connections by itself, and so has the TIME_WAIT of each');
  }
  if (good < count) lines.push(`not good: ${shortfalls(tally, count).join(', ')}`);
  if (firstFailure) {
    lines.push(`first failure: ${firstFailure.message}`, `  → ${firstFailure.hint ?? ''}`);
  }
  return lines.join('\n');
}

function shortfalls({ statuses, failures, notWhole, calls }: CallTally, count: number): string[] {
  const answered = Object.entries(statuses).filter(([status]) => status !== '200');
  return [
    ...[...answered, ...Object.entries(failures)].map(([what, n]) => `${formatCount(n)} × ${what}`),
    ...(notWhole > 0 ? [`${formatCount(notWhole)} × half a body`] : []),
    ...(calls < count ? [`${formatCount(count - calls)} not tried any more`] : []),
  ];
}

function spreadOf(milliseconds: readonly number[]) {
  if (milliseconds.length === 0) return null;
  const sorted = milliseconds.toSorted((a, b) => a - b);
  const rounded = (ms: number) => Math.round(ms * 100) / 100;
  const at = (share: number) => rounded(sorted[Math.ceil(share * sorted.length) - 1]!);
  const sum = sorted.reduce((total, ms) => total + ms, 0);
  return {
    min: rounded(sorted[0]!),
    mean: rounded(sum / sorted.length),
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  };
}

/** As JSON where it is some. */
function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function method(text: string): RestMethod {
  const found = methods.find((known) => known === text.toUpperCase());
  if (found) return found;
  throw new InvalidArgumentError(`Expected one of ${methods.join(', ')}.`);
}

function path(text: string): string {
  if (text.startsWith('/') && !/[\s#]/.test(text)) return text;
  throw new InvalidArgumentError(
    'Expected a path such as /results/health; the server is named with --base or --sensor.',
  );
}

function wholeNumber(most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= 1 && value <= most) return value;
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${formatCount(most)}.`);
  };
}
