import type { SensorLog } from '../sensor-log.ts';
import type { SensorMetrics } from '../sensor-metrics.ts';
import { tlsFilesOf, type TlsFiles } from '../tls-files.ts';
import { countHostSockets } from '../host-sockets.ts';
import { healthRows } from './health-rows.ts';
import { openSensrClient, type SensrClient } from './sensr-client.ts';
import { getHealth } from './server-commands.ts';

const HEALTH_EVERY_MS = 60_000;
const SOCKETS_EVERY_MS = 10_000;

export interface WatchServerOptions extends TlsFiles {
  sensor: string;
  /** The stream's URL; only host and port of it are told. */
  stream: string;
  /** Without a REST address only the sockets are watched. */
  rest?: string | undefined;
  /** That of the stream, which feeds its last hour too. */
  metrics: SensorMetrics;
  log: SensorLog;
  healthEveryMs?: number;
  socketsEveryMs?: number;
}

/**
 * Asks a sensor server for its health once a minute, and counts this host's sockets towards its ports every ten
 * seconds. It logs changes only, and never fails.
 *
 * @returns ends the watch, with what is under way
 */
export function watchServer(options: WatchServerOptions): AsyncDisposable {
  const {
    stream,
    rest,
    healthEveryMs = HEALTH_EVERY_MS,
    socketsEveryMs = SOCKETS_EVERY_MS,
  } = options;
  const ends = [stream, ...(rest === undefined ? [] : [rest])].map(endOf);
  const abort = new AbortController();
  const client = rest === undefined ? undefined : openClient(options, rest);
  const rounds = [repeat(socketsEveryMs, abort.signal, () => tellSockets(ends, options.metrics))];
  if (client) {
    const state = new HealthLog(options, client.server);
    const look = () => state.look(client, abort.signal);
    rounds.push(repeat(healthEveryMs, abort.signal, look));
  }
  return {
    async [Symbol.asyncDispose]() {
      abort.abort();
      await client?.[Symbol.asyncDispose]();
      await Promise.all(rounds);
    },
  };
}

/** At once, and then so often; a round that takes longer delays the next one. */
async function repeat(
  everyMs: number,
  signal: AbortSignal,
  round: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    const startedAt = performance.now();
    await round();
    await pause(Math.max(0, startedAt + everyMs - performance.now()), signal);
  }
}

/** Keeps no process alive. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms).unref();
    signal.addEventListener('abort', end);
  });

interface ServerEnd {
  host: string;
  port: number;
  name: string;
}

async function tellSockets(ends: readonly ServerEnd[], metrics: SensorMetrics): Promise<void> {
  for (const { host, port, name } of ends) {
    const counts = await countHostSockets(host, port);
    if (counts) metrics.hostSockets(name, counts);
  }
}

const usualPorts: Record<string, number> = { 'http:': 80, 'ws:': 80, 'https:': 443, 'wss:': 443 };

function endOf(url: string): ServerEnd {
  const { protocol, hostname, port } = new URL(url);
  const number = Number(port || usualPorts[protocol]);
  return { host: hostname, port: number, name: `${hostname}:${number}` };
}

function openClient(options: WatchServerOptions, rest: string): SensrClient | undefined {
  const { sensor, metrics, log } = options;
  const files = tlsFilesOf(options);
  const selector = `--sensor ${sensor}`;
  try {
    return openSensrClient({
      base: rest,
      ...files,
      selector,
      onCall: (call) => metrics.rest(call),
    });
  } catch (error) {
    log.error('sensor server is not asked for its health', { sensor, error: String(error) });
    return undefined;
  }
}

/** Says what has changed since the last look. */
class HealthLog {
  readonly #log: SensorLog;
  readonly #fields: { sensor: string; server: string };
  #said = '';

  constructor({ log, sensor }: WatchServerOptions, server: string) {
    this.#log = log;
    this.#fields = { sensor, server };
  }

  async look(client: SensrClient, signal: AbortSignal): Promise<void> {
    try {
      const unwell = healthRows(await getHealth(client, signal)).filter((row) => !row.isWell);
      this.#say(unwell.map(({ part, state }) => `${part}: ${state}`).join(', '));
    } catch (error) {
      if (signal.aborted) return;
      const { message, hint } = error as Error & { hint?: string };
      this.#say(message, { hint });
    }
  }

  /** @param problem empty when all is well */
  #say(problem: string, more: Record<string, unknown> = {}): void {
    if (problem === this.#said) return;
    this.#said = problem;
    if (problem === '') this.#log.info('sensor server became well', this.#fields);
    else this.#log.warn('sensor server was found unwell', { ...this.#fields, problem, ...more });
  }
}
