import type { AwakeClock } from './awake-clock.ts';

export interface SilenceWatchOptions {
  clock: AwakeClock;
  silentAfterMs: number;
  onSilent: (seconds: number) => void;
  onResumed: (seconds: number) => void;
}

/** Tells when no message came for a while, and when one comes again. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #heardAtMs = 0;
  #silent = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  get silent(): boolean {
    return this.#silent;
  }

  /** From now on messages are expected. */
  start(): void {
    this.#heardAtMs = this.#options.clock.now();
    this.#wait();
  }

  heard(): void {
    const { clock, onResumed } = this.#options;
    const quietMs = clock.now() - this.#heardAtMs;
    this.#heardAtMs += quietMs;
    if (!this.#silent) return;
    this.#silent = false;
    onResumed(quietMs / 1_000);
    this.#wait();
  }

  /** One timer for all messages: each look at the clock tells when the next one is due. */
  #wait(): void {
    const { clock, silentAfterMs, onSilent } = this.#options;
    const quietMs = clock.now() - this.#heardAtMs;
    if (quietMs < silentAfterMs) {
      clock.after(silentAfterMs - quietMs, () => this.#wait());
      return;
    }
    this.#silent = true;
    onSilent(quietMs / 1_000);
  }
}
