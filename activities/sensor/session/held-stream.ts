import type { EndedConnection, SensorEvent } from '../../../domain/sensor.ts';
import type { SessionLegacy } from '../../../domain/sensor-session.ts';
import type { StreamHolder } from '../stream-holder.ts';

export type OpenHolder = (
  sensor: string,
  before: Pick<SessionLegacy, 'lastMessageAt' | 'lastHour'>,
  onEvent: (event: SensorEvent) => void,
) => Promise<StreamHolder>;

interface Connection {
  ended: Promise<EndedConnection>;
  closing: AbortController;
  isOpen: boolean;
}

/**
 * One sensor's stream in this process. It outlives the attempts and runs of the activity that hold it: the holder
 * with its recording, and a connection that one attempt has left and the next adopts.
 */
export class HeldStream {
  readonly sensor: string;
  /** Since the session began. */
  connections: number;
  /** The step of the reconnect ladder of the next dial. */
  attempt: number;
  /** The attempt of the activity that has it; a newer one takes it from an older. */
  owner: object | undefined;
  onChange: () => void = () => {};
  /** The server may not know yet that the last connection is dead: only from its local port can the next replace it. */
  keepsPort = false;
  #holder: StreamHolder | undefined;
  #connection: Connection | undefined;
  #finished: Promise<void> | undefined;

  private constructor(sensor: string, { connections, attempt }: SessionLegacy) {
    this.sensor = sensor;
    this.connections = connections;
    this.attempt = attempt;
  }

  static async open(sensor: string, legacy: SessionLegacy, open: OpenHolder): Promise<HeldStream> {
    const held = new HeldStream(sensor, legacy);
    held.#holder = await open(sensor, legacy, (event) => held.#happened(event));
    return held;
  }

  #happened({ event }: SensorEvent): void {
    if (event === 'open') this.connections++;
    if (event === 'open') this.keepsPort = false;
    if (event === 'dead-peer') this.keepsPort = true;
    this.onChange();
  }

  get holder(): StreamHolder {
    return this.#holder!;
  }

  /** Open, or being dialed. */
  get isConnected(): boolean {
    return this.#connection?.isOpen === true;
  }

  /** No other worker should dial. */
  get isNeeded(): boolean {
    return this.isConnected || this.keepsPort;
  }

  /** Also a connection whose end nobody has heard yet is there to be held. */
  get hasConnection(): boolean {
    return this.#connection !== undefined;
  }

  get isFinished(): boolean {
    return this.#finished !== undefined;
  }

  /** The connection that is open, to its end, or a new one. */
  async hold(): Promise<EndedConnection> {
    const connection = (this.#connection ??= this.#dial());
    const ended = await connection.ended;
    if (this.#connection === connection) this.#connection = undefined;
    return ended;
  }

  #dial(): Connection {
    const closing = new AbortController();
    const { signal } = closing;
    const ended = this.holder.holdConnection({ attempt: this.attempt, signal });
    const connection = { closing, ended, isOpen: true };
    void ended.then(() => (connection.isOpen = false));
    return connection;
  }

  /** With code 1000; waits for the end. */
  async close(): Promise<void> {
    const connection = this.#connection;
    connection?.closing.abort();
    await connection?.ended;
    if (this.#connection === connection) this.#connection = undefined;
  }

  /** Closes, and finishes the recording; may be called again. */
  finish(): Promise<void> {
    return (this.#finished ??= this.#finish());
  }

  async #finish(): Promise<void> {
    await this.close();
    await this.holder.finish();
  }
}
