import type { SensorEvent } from '../../domain/sensor.ts';
import { RunningCommand, type CommandOptions } from './command-line.ts';

type EventOf<N extends SensorEvent['event']> = Extract<SensorEvent, { event: N }>;

const USUAL_MS = 60_000;

/** `fairlead sensor hold --json` in a process of its own. */
export class HeldStream extends RunningCommand {
  #read = 0;
  readonly #events: SensorEvent[] = [];

  constructor(url: string, words: readonly string[], options: CommandOptions) {
    super(['sensor', 'hold', '--json', '--url', url, ...words], options);
  }

  get events(): readonly SensorEvent[] {
    for (const line of this.stdout.slice(this.#read))
      this.#events.push(JSON.parse(line) as SensorEvent);
    this.#read = this.stdout.length;
    return this.#events;
  }

  of<N extends SensorEvent['event']>(name: N): EventOf<N>[] {
    return this.events.filter((one): one is EventOf<N> => one.event === name);
  }

  /** The `count`-th event of its kind. */
  async event<N extends SensorEvent['event']>(
    name: N,
    { count = 1, timeoutMs = USUAL_MS } = {},
  ): Promise<EventOf<N>> {
    const what = `sensor hold: event ${name}, number ${count}`;
    return this.waitFor(what, () => this.of(name)[count - 1], timeoutMs);
  }
}
