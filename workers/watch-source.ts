import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { lookAtSource, type SourceLook } from '../activities/postgres/look-at-source.ts';
import type { SourceSlots } from '../activities/postgres/source-slots.ts';
import { nextAllowance, type SourceHealth, type SourceLimits } from '../domain/source-allowance.ts';
import type { SourceGauges } from './source-gauges.ts';

/** A source that has not answered after so long, or after twice what it may take, does not. */
const ANSWER_TIMEOUT_MS = 10_000;

export interface SourceWatchOptions {
  source: Pool;
  slots: SourceSlots;
  limits: SourceLimits;
  everyMs: number;
  gauges: SourceGauges;
  log: Logger;
}

/** Looks how the source does while this worker has chunks for it, and lowers or raises what it may take. */
export function watchSource(options: SourceWatchOptions): AsyncDisposable {
  const watch = new SourceWatch(options);
  const stopping = new AbortController();
  const running = watch.run(stopping.signal);
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

class SourceWatch {
  readonly #options: SourceWatchOptions;
  /** What was told of, so that it is one line of the log. */
  readonly #told = new Set<string>();

  constructor(options: SourceWatchOptions) {
    this.#options = options;
  }

  async run(stopped: AbortSignal): Promise<void> {
    const { slots, gauges, everyMs } = this.#options;
    while (!stopped.aborted) {
      const health = slots.takeIsInUse() ? await this.#look(stopped) : undefined;
      if (health) this.#follow(health);
      gauges.show(slots, health?.inFlight ?? 0);
      await sleep(everyMs, undefined, { signal: stopped }).catch(() => undefined);
    }
  }

  async #look(stopped: AbortSignal): Promise<SourceHealth | undefined> {
    const { source, limits, log } = this.#options;
    const askedAt = performance.now();
    const late = new AbortController();
    // Not AbortSignal.timeout: Node 20 may collect one that only AbortSignal.any knows, and then it never fires.
    const timer = setTimeout(
      () => late.abort(),
      Math.max(ANSWER_TIMEOUT_MS, 2 * limits.maxLatencyMs),
    );
    try {
      const look = await lookAtSource(source, limits, AbortSignal.any([stopped, late.signal]));
      this.#tellUnseen(look);
      return look.health;
    } catch (error) {
      if (stopped.aborted) return undefined;
      // Chunks fail with the same error, and say it; what counts here is how long it took.
      const latencyMs = performance.now() - askedAt;
      log.debug({ error, latencyMs }, 'source not looked at');
      const unknown = { active: undefined, replicationLagMs: undefined, inFlight: 0 };
      return latencyMs > limits.maxLatencyMs ? { latencyMs, ...unknown } : undefined;
    } finally {
      clearTimeout(timer);
    }
  }

  #follow(health: SourceHealth): void {
    const { slots, limits, log } = this.#options;
    const before = slots.allowed.slots;
    slots.allow(nextAllowance(slots.allowed, health, limits, slots.ceiling));
    const { slots: allowed, strain } = slots.allowed;
    if (allowed === before) return;
    const fields = { slots: allowed, before, ceiling: slots.ceiling, ...strain };
    log.info(fields, allowed < before ? 'source allowance lowered' : 'source allowance raised');
  }

  #tellUnseen({ unseen }: SourceLook): void {
    for (const { limit, why } of unseen) {
      if (this.#told.has(limit)) continue;
      this.#told.add(limit);
      this.#options.log.warn({ limit, why }, 'source health not fully seen');
    }
  }
}
