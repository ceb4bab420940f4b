const SECOND_MS = 1_000;
const SECONDS = 10;

/** Messages and bytes a second, over the last ten. */
export class RollingRate {
  readonly #now: () => number;
  readonly #startedAtMs: number;
  /** By second, modulo ten. */
  readonly #slots = Array.from({ length: SECONDS }, () => ({ second: -1, messages: 0, bytes: 0 }));

  /** @param now milliseconds of a clock that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#startedAtMs = now();
  }

  add(bytes: number): void {
    const second = Math.floor(this.#now() / SECOND_MS);
    const slot = this.#slots[second % SECONDS]!;
    if (slot.second !== second) Object.assign(slot, { second, messages: 0, bytes: 0 });
    slot.messages += 1;
    slot.bytes += bytes;
  }

  /** Of the seconds that are over, and of the one that is not as far as it has come. */
  perSecond(): { messages: number; bytes: number } {
    const now = this.#now();
    const oldest = Math.floor(now / SECOND_MS) - SECONDS + 1;
    const fromMs = Math.max(oldest * SECOND_MS, this.#startedAtMs);
    const seconds = Math.max(1, (now - fromMs) / SECOND_MS);
    const recent = this.#slots.filter(({ second }) => second >= oldest);
    const sum = (figure: 'messages' | 'bytes') =>
      recent.reduce((total, slot) => total + slot[figure], 0) / seconds;
    return { messages: Math.round(sum('messages') * 10) / 10, bytes: Math.round(sum('bytes')) };
  }
}
