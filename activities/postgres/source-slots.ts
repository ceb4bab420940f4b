import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { FairleadError } from '../../domain/errors.ts';
import {
  allAllowed,
  type SourceAllowance,
  type SourceRestraint,
} from '../../domain/source-allowance.ts';

/**
 * The first key of every slot's advisory lock; the second one is the slot's number. The same for every installation,
 * so that all that read one database count together. In `pg_locks` it is `classid`.
 */
export const SLOT_CLASS = 1_718_379_379;

/** Between two tries for a slot, half as much more or less: workers shall not ask all at once. */
const TRY_EVERY_MS = 500;

export interface SlotUse {
  /** What an error's message begins with. */
  subject: string;
  signal?: AbortSignal | undefined;
  /** A wait longer than this fails as `source-slots-taken`; without it, none does. */
  withinMs?: number | undefined;
  /** Called before each try, and when others of this process are to try first. */
  onWait?: () => void;
}

/**
 * Takes a slot for the transaction that the client is in.
 *
 * @returns false when all that are allowed are taken
 */
export type TakeSlot = (client: ClientBase) => Promise<boolean>;

/**
 * How many chunks may be read from the source at a time, over all workers: each one holds an advisory lock of the
 * source, numbered from 0, from its snapshot to the end of its transaction. PostgreSQL gives it back whatever ends
 * that, also the death of the worker. Whoever lowers the number that he tries, lowers it for himself only.
 *
 * Of this process one chunk at a time tries, in the order of coming, so that a source that is full is asked about
 * twice a second by each worker, however many chunks wait.
 *
 * @see docs/migration.md#source
 */
export class SourceSlots {
  readonly ceiling: number;
  private allowance: SourceAllowance;
  private readonly freed = new EventEmitter().setMaxListeners(0);
  private lastInLine: Promise<unknown> = Promise.resolve();
  private uses = 0;
  private isFresh = false;

  constructor(ceiling: number) {
    this.ceiling = ceiling;
    this.allowance = allAllowed(ceiling);
  }

  get allowed(): SourceAllowance {
    return this.allowance;
  }

  allow(allowance: SourceAllowance): void {
    this.allowance = allowance;
  }

  /** Undefined while all slots are allowed. */
  get restraint(): SourceRestraint | undefined {
    const { slots, strain } = this.allowance;
    return strain && { slots, ceiling: this.ceiling, ...strain };
  }

  /** Whether a chunk is being read or waits for it, or was since this was asked last. */
  takeIsInUse(): boolean {
    const isInUse = this.uses > 0 || this.isFresh;
    this.isFresh = false;
    return isInUse;
  }

  /**
   * Calls `read` until it has had a slot.
   *
   * @param read takes a slot in its transaction; where it gets none it ends that, and returns undefined
   * @throws {FairleadError} `source-slots-taken`; or the signal's reason
   */
  async use<T>(use: SlotUse, read: (take: TakeSlot) => Promise<T | undefined>): Promise<T> {
    const since = performance.now();
    this.uses++;
    this.isFresh = true;
    let leaveLine: (() => void) | undefined;
    try {
      leaveLine = await this.standInLine(use);
      for (;;) {
        use.onWait?.();
        const result = await read(async (client) => {
          const isTaken = await takeSlot(client, this.allowance.slots);
          if (isTaken) leaveLine?.();
          return isTaken;
        });
        if (result !== undefined) return result;
        this.refuseLonger(use, performance.now() - since);
        await this.pause(use.signal);
      }
    } finally {
      this.uses--;
      leaveLine?.();
      this.freed.emit('freed');
    }
  }

  /** @returns gives the place to the next one */
  private async standInLine({ signal, onWait }: SlotUse): Promise<() => void> {
    let leave = () => {};
    const before = this.lastInLine;
    this.lastInLine = Promise.all([before, new Promise<void>((resolve) => (leave = resolve))]);
    onWait?.();
    try {
      await untilAborted(before, signal);
      return leave;
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** For the usual time, or until a slot of this process is free. */
  private async pause(signal: AbortSignal | undefined): Promise<void> {
    const over = new AbortController();
    const either = { signal: AbortSignal.any(signal ? [over.signal, signal] : [over.signal]) };
    // Not AbortSignal.timeout: Node 20 may collect one that only AbortSignal.any knows, and then it never fires.
    const usual = sleep(Math.round(TRY_EVERY_MS * (0.5 + Math.random())), undefined, either);
    try {
      await Promise.race([usual, once(this.freed, 'freed', either)]);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      over.abort();
    }
  }

  private refuseLonger({ subject, withinMs = Infinity }: SlotUse, waitedMs: number): void {
    if (waitedMs < withinMs) return;
    const { slots } = this.allowance;
    throw new FairleadError(
      'source-slots-taken',
      `${subject}: none of ${slots} slots of the source was free in ${Math.round(waitedMs / 1_000)} s, of ${this.ceiling} configured`,
      {
        hint: 'It is tried again. Where the source bears more: chunksInFlight under [source] in fairlead.toml; fairlead status says whether it is spared.',
      },
    );
  }
}

/** The first query of its transaction, so that the snapshot is not older than the slot. */
async function takeSlot(client: ClientBase, slots: number): Promise<boolean> {
  const { rowCount } = await client.query(
    `select from generate_series(0, $1::int - 1) as slot where pg_try_advisory_xact_lock($2, slot) limit 1`,
    [slots, SLOT_CLASS],
  );
  return rowCount === 1;
}

async function untilAborted(
  waited: Promise<unknown>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (!signal) return void (await waited);
  signal.throwIfAborted();
  const over = new AbortController();
  const aborted = once(signal, 'abort', { signal: over.signal }).then(
    () => signal.throwIfAborted(),
    () => undefined,
  );
  await Promise.race([waited, aborted]).finally(() => over.abort());
}
