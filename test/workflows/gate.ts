/** Holds everyone who passes through, until it is opened. */
export class Gate {
  private readonly held: (() => void)[] = [];
  private isOpen = false;
  private readonly arrivals: { count: number; resolve: () => void }[] = [];
  private arrived = 0;

  /** @throws the signal's reason when that is aborted meanwhile */
  async pass(signal: AbortSignal): Promise<void> {
    this.arrived++;
    for (const { count, resolve } of this.arrivals) if (this.arrived >= count) resolve();
    if (this.isOpen) return;
    await new Promise<void>((resolve, reject) => {
      this.held.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  /** Waits until so many have come, whether they have gone on or not. */
  async reachedBy(count: number): Promise<void> {
    if (this.arrived >= count) return;
    await new Promise<void>((resolve) => this.arrivals.push({ count, resolve }));
  }

  get arrivedCount(): number {
    return this.arrived;
  }

  open(): void {
    this.isOpen = true;
    for (const resolve of this.held.splice(0)) resolve();
  }
}
