import { setTimeout as sleep } from 'node:timers/promises';
import { buildConnector, Pool } from 'undici';
import type { z } from 'zod';
import { FairleadError } from '../../../domain/errors.ts';
import type { RestCall } from '../sensor-metrics.ts';
import { exchange } from './exchange.ts';
import { probeVersion } from './probe-version.ts';
import { readAnswer, readWords } from './read-answer.ts';
import {
  isProjectCommand,
  mayRepeat,
  needsVersion,
  targetOf,
  type RestAnswer,
  type RestRequest,
} from './rest-call.ts';
import { isPassing, reasonOf, refused, unanswered, type CallSubject } from './rest-failure.ts';
import { readTlsFiles, type TlsFiles } from '../tls-files.ts';
import { Slots } from './slots.ts';

export const MOST_CONNECTIONS = 20;
const IDLE_MS = 30_000;
const CONNECT_WITHIN_MS = 5_000;
const ANSWER_WITHIN_MS = 10_000;
const PROJECT_ANSWER_WITHIN_MS = 30_000;
const MOST_ANSWER_BYTES = 16 * 1024 * 1024;
const RETRY_AFTER_MS = [300, 600, 1_200] as const;
const RETRIED_STATUSES = [500, 502, 503, 504] as const;
/** A server may answer 500 for ever where it does not know a version. */
const RETRIED_PROBE_STATUSES = [502, 503, 504] as const;

export interface SensrClientOptions extends TlsFiles {
  /** `http://sensor.example:9080` */
  base: string;
  /** The flags that name this server in what is to be typed next. Default: `--base` and the address. */
  selector?: string;
  /** Of its REST interface, such as `v3.5`. Default: the first that it has, asked once. */
  version?: string | undefined;
  /** Each attempt that ended, answered or not. */
  onCall?: (call: RestCall) => void;
  /** A GET is tried again, after so long. */
  onRetry?: (reason: string, waitMs: number) => void;
}

/**
 * Calls one sensor server over at most 20 connections, which are kept for 30 s and closed from this side. A GET is
 * tried again after 0.3, 0.6 and 1.2 s on 500, 502, 503, 504 and connection errors; nothing else is.
 */
export interface SensrClient extends AsyncDisposable {
  /** Host and port. */
  readonly server: string;
  /** Connections that were opened so far. */
  readonly connections: number;
  /**
   * Any status is an answer here.
   *
   * @throws {FairleadError} where none came: `rest-unreachable`, `rest-outcome-unknown` (no GET), `rest-answer-invalid`
   * (no HTTP), `rest-refused` (certificate)
   */
  call(request: RestRequest, signal?: AbortSignal): Promise<RestAnswer>;
  /**
   * What the server answers, which has to be 2xx and what `schema` says.
   *
   * @throws {FairleadError} as {@link SensrClient.call}; `rest-unwell`, `rest-refused`, `rest-answer-invalid`
   */
  ask<T>(request: RestRequest, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T>;
  /** As {@link SensrClient.ask}, where the answer is for people. */
  tell(request: RestRequest, signal?: AbortSignal): Promise<string>;
}

export function openSensrClient(options: SensrClientOptions): SensrClient {
  return new PooledClient(options);
}

class PooledClient implements SensrClient {
  readonly server: string;
  readonly #pool: Pool;
  readonly #slots = new Slots(MOST_CONNECTIONS);
  readonly #options: SensrClientOptions;
  readonly #base: URL;
  #version: Promise<string> | undefined;
  #connections = 0;

  constructor(options: SensrClientOptions) {
    this.#options = options;
    this.#base = new URL(options.base);
    this.server = hostAndPort(this.#base);
    this.#pool = new Pool(this.#base.origin, {
      connections: MOST_CONNECTIONS,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxResponseSize: MOST_ANSWER_BYTES,
      connect: connectorFor({ timeout: CONNECT_WITHIN_MS, ...readFiles(options) }),
    }).on('connect', () => this.#connections++);
    if (options.version) this.#version = Promise.resolve(options.version);
  }

  get connections(): number {
    return this.#connections;
  }

  async call(request: RestRequest, signal?: AbortSignal): Promise<RestAnswer> {
    return this.#repeat(request, await this.#target(request, signal), signal);
  }

  async ask<T>(request: RestRequest, schema: z.ZodType<T>, signal?: AbortSignal): Promise<T> {
    const [subject, answer] = await this.#granted(request, signal);
    return readAnswer(subject, answer, schema);
  }

  async tell(request: RestRequest, signal?: AbortSignal): Promise<string> {
    const [subject, answer] = await this.#granted(request, signal);
    return readWords(subject, answer);
  }

  async #granted(request: RestRequest, signal?: AbortSignal): Promise<[CallSubject, RestAnswer]> {
    const target = await this.#target(request, signal);
    const subject = this.#subject(request, target);
    const answer = await this.#repeat(request, target, signal);
    if (answer.status < 200 || answer.status > 299) throw refused(subject, answer);
    return [subject, answer];
  }

  async #target(request: RestRequest, signal?: AbortSignal): Promise<string> {
    const version = needsVersion(request) ? await this.#knownVersion(signal) : undefined;
    return targetOf(request, version);
  }

  /** Once; after a failure again. */
  #knownVersion(signal?: AbortSignal): Promise<string> {
    this.#version ??= probeVersion(
      (request) => this.#repeat(request, request.path, signal, RETRIED_PROBE_STATUSES),
      (request) => this.#subject(request, request.path),
    ).catch((error: unknown) => {
      this.#version = undefined;
      throw error;
    });
    return this.#version;
  }

  async #repeat(
    request: RestRequest,
    target: string,
    signal?: AbortSignal,
    retried: readonly number[] = RETRIED_STATUSES,
  ): Promise<RestAnswer> {
    for (let attempts = 1; ; attempts++) {
      const waitMs = mayRepeat(request) ? RETRY_AFTER_MS[attempts - 1] : undefined;
      try {
        const answer = { ...(await this.#once(request, target, signal)), attempts };
        if (waitMs === undefined || !retried.includes(answer.status)) return answer;
        this.#options.onRetry?.(`it answered ${answer.status}`, waitMs);
      } catch (error) {
        signal?.throwIfAborted();
        const isLast = waitMs === undefined || !isPassing(error);
        if (isLast) throw unanswered(this.#subject(request, target), error, attempts);
        this.#options.onRetry?.(reasonOf(error), waitMs);
      }
      await sleep(waitMs, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }

  #once(request: RestRequest, target: string, signal?: AbortSignal) {
    return this.#slots.use(async () => {
      const startedAt = performance.now();
      let status: RestCall['status'] = 'error';
      const seconds = () => (performance.now() - startedAt) / 1_000;
      try {
        const withinMs = isProjectCommand(request) ? PROJECT_ANSWER_WITHIN_MS : ANSWER_WITHIN_MS;
        const sent = { request, target: `${this.#prefix()}${target}`, withinMs, signal };
        const answer = await exchange(this.#pool, {
          ...sent,
          authorization: this.#authorization(),
        });
        ({ status } = answer);
        return { ...answer, seconds: seconds() };
      } finally {
        const { server } = this;
        this.#options.onCall?.({ server, method: request.method, status, seconds: seconds() });
      }
    });
  }

  /** A server may be reached through a path of another one. */
  #prefix(): string {
    return this.#base.pathname.replace(/\/+$/, '');
  }

  #authorization(): string | undefined {
    const { username, password } = this.#base;
    if (username === '') return undefined;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(credentials).toString('base64')}`;
  }

  #subject(request: RestRequest, target: string): CallSubject {
    const selector = this.#options.selector ?? `--base ${this.#base.origin}${this.#prefix()}`;
    return { server: this.server, selector, request, target };
  }

  /** Idle connections end from this side; what is still under way is broken off. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }
}

/** A server that refuses a client's certificate says so in an alert, and ends: undici would tell of the end. */
function connectorFor(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (place, done) =>
    connect(place, (error, socket) => {
      socket?.on('error', (alert) => socket.destroy(alert));
      if (error) done(error, null);
      else done(null, socket);
    });
}

function hostAndPort({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

function readFiles(files: TlsFiles): ReturnType<typeof readTlsFiles> {
  try {
    return readTlsFiles(files);
  } catch (error) {
    const { path, code } = error as NodeJS.ErrnoException;
    throw new FairleadError('config-invalid', `${path} cannot be read (${code})`, {
      hint: 'check --ca, --cert and --key, or ca, cert and key of the sensor',
      cause: error,
    });
  }
}
