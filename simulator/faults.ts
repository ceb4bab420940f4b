import type { SensorStream } from '../domain/sensor.ts';

/** What `garbage` sends in place of, or around, a message. */
export const garbageKinds = [
  'bytes',
  'text',
  'header',
  'fragments',
  'unknown',
  'frames',
  'http',
] as const;
export type GarbageKind = (typeof garbageKinds)[number];

/** What `rest` does to a request. */
export const restFaultKinds = [
  'status',
  'prose',
  'broken',
  'slow',
  'reset',
  'hang',
  'half',
] as const;
export type RestFaultKind = (typeof restFaultKinds)[number];

interface OfOneStream {
  /** Both unless said. */
  stream?: SensorStream;
}

/** Every fault with its options. `close` and `reset` without `keep` happen once; the others last until cleared. */
export interface FaultOptions {
  /** Pongs and handshakes go on, messages do not. */
  silent: OfOneStream;
  /** Everything is read and nothing said: no message, no pong, no answer to a handshake. */
  mute: OfOneStream;
  /** Nothing is read and nothing said, as of a stopped process; what came meanwhile is read when it is cleared. */
  stall: OfOneStream;
  /** Nobody listens; open connections stay. */
  refuse: OfOneStream;
  close: OfOneStream & {
    /** 1011 unless said; 1006 ends without a close frame. */
    code?: number;
    reason?: string;
    /** Each new connection too, `afterMs` after its handshake (0 unless said). */
    keep?: boolean;
    afterMs?: number;
  };
  reset: OfOneStream & {
    keep?: boolean;
    /** With `keep`: after the handshake (`open`, unless said), or before it. */
    at?: 'open' | 'accept';
  };
  /** One byte of the handshake's answer each 500 ms, and no end of it. */
  trickle: OfOneStream & { everyMs?: number };
  /** The client's bytes are read only each 5 s: pongs come late. */
  slow: OfOneStream & { everyMs?: number };
  /** Pongs come so much later than they could: 5 s unless said. All else goes on. */
  late: OfOneStream & { delayMs?: number };
  /** Each message, or each `every`-th, becomes garbage. */
  garbage: OfOneStream & { kind?: GarbageKind; every?: number };
  /** The health that is told: 5, `OUTPUT_BUFFER_OVERFLOW`, unless said. */
  health: { master?: number };
  /** What the next `times` requests (all, unless said) of a method or below a path meet. */
  rest: {
    kind?: RestFaultKind;
    /** For `status`: 503 unless said. */
    status?: number;
    times?: number;
    method?: string;
    path?: string;
    /** For `slow`: 15 s unless said. */
    delayMs?: number;
  };
}

export type FaultName = keyof FaultOptions;

export const faultNames = [
  'silent',
  'mute',
  'stall',
  'refuse',
  'close',
  'reset',
  'trickle',
  'slow',
  'late',
  'garbage',
  'health',
  'rest',
] as const satisfies readonly FaultName[];

export type ActiveFaults = { [N in FaultName]?: FaultOptions[N] };

export interface Faults {
  /** Resolves when the fault is in force. */
  set<N extends FaultName>(name: N, options?: FaultOptions[N]): Promise<void>;
  /** Ends one fault, or all. */
  clear(name?: FaultName): Promise<void>;
  active(): ActiveFaults;
}

export const isFaultName = (name: string): name is FaultName =>
  (faultNames as readonly string[]).includes(name);

/** The faults in force, as the servers look at them. */
export class FaultBoard {
  readonly #active: ActiveFaults = {};

  set<N extends FaultName>(name: N, options: FaultOptions[N]): void {
    this.#active[name] = options as never;
  }

  clear(name?: FaultName): void {
    for (const one of name === undefined ? faultNames : [name]) delete this.#active[one];
  }

  of<N extends FaultName>(name: N): FaultOptions[N] | undefined {
    return this.#active[name];
  }

  /** The fault, when it is in force for this stream. */
  on<N extends Exclude<FaultName, 'health' | 'rest'>>(
    name: N,
    stream: SensorStream,
  ): FaultOptions[N] | undefined {
    const options = this.#active[name];
    const isOther = options?.stream !== undefined && options.stream !== stream;
    return isOther ? undefined : options;
  }

  active(): ActiveFaults {
    return { ...this.#active };
  }
}
