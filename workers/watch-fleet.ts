import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { ClientBase, Pool } from 'pg';
import type { Logger } from 'pino';
import { withConnection } from '../activities/postgres/connection.ts';
import { readFleet, type FleetLedger } from '../activities/postgres/read-fleet.ts';
import { namesOf } from '../domain/names.ts';
import { sideBySide } from '../domain/side-by-side.ts';
import { progress } from '../workflows/messages.ts';
import type { FleetGauges, FleetWait } from './fleet-gauges.ts';
import { listRunningMigrations, type RunningMigration } from './running-migrations.ts';

/** A ledger of millions of chunks takes its time: it is read for at most so much of it. */
const LEDGER_SHARE = 1 / 50;
const ANSWER_TIMEOUT_MS = 3_000;
/** One that does not answer must not keep the others from being asked. */
const QUESTIONS_AT_ONCE = 8;
/** How long a look that is under way may take at the end of the process. */
const END_PATIENCE_MS = 1_000;

export interface FleetWatchOptions {
  client: Client;
  installation: string | undefined;
  target: Pool;
  gauges: FleetGauges;
  everyMs: number;
  log: Logger;
}

/**
 * Looks now and then how all ships stand, and shows it as metrics. Of all workers one looks, the one that has an advisory
 * lock in the target; while the target is away each of them tells what Temporal knows.
 */
export function watchFleet(options: FleetWatchOptions): AsyncDisposable {
  const watch = new FleetWatch(options);
  const running = watch.run();
  return {
    async [Symbol.asyncDispose]() {
      watch.stop();
      const late = new AbortController();
      const giveUp = sleep(END_PATIENCE_MS, undefined, { signal: late.signal });
      await Promise.race([running, giveUp.then(() => watch.giveUp())]);
      late.abort();
      await running;
    },
  };
}

class FleetWatch {
  readonly #options: FleetWatchOptions;
  readonly #stopping = new AbortController();
  readonly #over = new AbortController();
  #ledger: FleetLedger | undefined;
  #ledgerDueAt = 0;
  /** What was told of, so that an outage is one line of the log. */
  readonly #told = new Set<string>();

  constructor(options: FleetWatchOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort();
  }

  giveUp(): void {
    this.#over.abort();
  }

  async run(): Promise<void> {
    const { target } = this.#options;
    const use = { name: 'fairlead/watch', signal: this.#over.signal };
    while (!this.#isStopping) {
      try {
        await withConnection(target, use, (connection) => this.#lookInTurn(connection));
      } catch (error) {
        if (this.#isStopping) return;
        this.#tell('ledger not looked at', error);
        await this.#show(undefined);
      }
      await this.#pause();
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Until this process ends, or the connection does, if it is this worker's turn. */
  async #lookInTurn(connection: ClientBase): Promise<void> {
    const key = [`fairlead watch ${this.#options.installation ?? ''}`];
    const { rows } = await connection.query(
      'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
      key,
    );
    if (!rows[0].mine) return this.#options.gauges.show({});
    while (!this.#isStopping) {
      await this.#show(connection);
      await this.#pause();
    }
    await connection.query('select pg_advisory_unlock(hashtextextended($1, 0))', key);
  }

  async #show(connection: ClientBase | undefined): Promise<void> {
    const migrations = await this.#migrations();
    const waits = await this.#waitsOf(migrations ?? []);
    const ledger = connection && (await this.#readLedger(connection, migrations ?? []));
    this.#options.gauges.show({ ...(migrations && { migrations }), waits, ledger });
    if (connection && migrations) this.#told.clear();
  }

  async #migrations(): Promise<RunningMigration[] | undefined> {
    const { client, installation } = this.#options;
    try {
      return await listRunningMigrations(namesOf(installation), client);
    } catch (error) {
      this.#tell('migrations not listed', error);
      return undefined;
    }
  }

  async #waitsOf(migrations: readonly RunningMigration[]): Promise<FleetWait[]> {
    const waiting = migrations.filter(({ phase }) => phase === 'waiting');
    const waits = await sideBySide(waiting, QUESTIONS_AT_ONCE, async ({ ship, workflowId }) =>
      (await this.#askForWaits(workflowId)).map(({ kind, code, since }) => {
        const seconds = (Date.now() - Date.parse(since)) / 1_000;
        return { ship, kind, code, seconds };
      }),
    );
    return waits.flat();
  }

  async #askForWaits(workflowId: string) {
    const { client } = this.#options;
    try {
      const ask = () => client.workflow.getHandle(workflowId).query(progress);
      const { waiting } = await client.connection.withDeadline(Date.now() + ANSWER_TIMEOUT_MS, ask);
      return waiting;
    } catch (error) {
      this.#tell('migration did not answer', error);
      return [];
    }
  }

  async #readLedger(
    connection: ClientBase,
    migrations: readonly RunningMigration[],
  ): Promise<FleetLedger | undefined> {
    if (Date.now() < this.#ledgerDueAt) return this.#ledger;
    const startedAt = Date.now();
    this.#ledger = await readFleet(connection, migrations);
    const took = Date.now() - startedAt;
    this.#ledgerDueAt = startedAt + took / LEDGER_SHARE;
    return this.#ledger;
  }

  #tell(what: string, error: unknown): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log.warn({ reason }, what);
  }

  async #pause(): Promise<void> {
    const { signal } = this.#stopping;
    await sleep(this.#options.everyMs, undefined, { signal }).catch(() => undefined);
  }
}
