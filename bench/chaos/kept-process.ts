import { setTimeout as sleep } from 'node:timers/promises';
import { describeExit, type Exit } from '../../workers/stack/server-process.ts';

export interface RunningProcess {
  pid: number;
  exited: Promise<Exit>;
  stop(): Promise<void>;
}

const RETRY_MS = 200;
const PATIENCE_MS = 60_000;

/** A process that is killed on purpose, and started again after a while; one that ends by itself is noted. */
export class KeptProcess<P extends RunningProcess = RunningProcess> {
  readonly name: string;
  /** How it ended when nobody had asked it to. */
  readonly endedByItself: string[] = [];
  private readonly launch: () => Promise<P>;
  private current: P | undefined;
  private striking: Promise<void> | undefined;
  private isStopping = false;

  constructor(name: string, launch: () => Promise<P>) {
    this.name = name;
    this.launch = launch;
  }

  async start(): Promise<P> {
    const running = await this.launch();
    this.current = running;
    void running.exited.then((exit) => this.ended(running, exit));
    return running;
  }

  /** @returns undefined while it is down */
  get pid(): number | undefined {
    return this.current?.pid;
  }

  get running(): P | undefined {
    return this.current;
  }

  /**
   * Sends a signal that ends it, and starts it again so long after its end; resolves when it runs again.
   *
   * @returns false when it was down already
   */
  async strike(signal: NodeJS.Signals, downMs: number): Promise<boolean> {
    const victim = this.current;
    if (!victim) return false;
    this.striking = (async () => {
      this.current = undefined;
      process.kill(victim.pid, signal);
      await victim.exited;
      await sleep(downMs);
      await this.startPatiently();
    })();
    await this.striking;
    this.striking = undefined;
    return true;
  }

  /** Sends a signal that it lives through. */
  signal(signal: NodeJS.Signals): void {
    if (this.current) process.kill(this.current.pid, signal);
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    await this.striking?.catch(() => undefined);
    const last = this.current;
    this.current = undefined;
    await last?.stop();
  }

  private ended(running: P, exit: Exit): void {
    if (this.current !== running || this.isStopping) return;
    this.current = undefined;
    this.endedByItself.push(`${this.name} ended by itself with ${describeExit(exit)}`);
    this.striking = this.startPatiently().catch(() => undefined);
  }

  /** What the old one left, such as PostgreSQL's shared memory, may be in the way for a moment. */
  private async startPatiently(): Promise<void> {
    for (const since = Date.now(); !this.isStopping; await sleep(RETRY_MS)) {
      try {
        await this.start();
        return;
      } catch (error) {
        if (Date.now() - since > PATIENCE_MS) throw error;
      }
    }
  }
}
